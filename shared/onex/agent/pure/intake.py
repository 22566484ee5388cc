"""What a pure engine reads, within the limits of capabilities."""

from collections.abc import Callable, Sequence
from math import ceil, isfinite

from onex.bus.protocols import Partition, ProtocolConsumer, ProtocolRecord
from onex.capability.layer import ProtocolIntake
from onex.util.clock import ProtocolClock


class Intake:
    """Reads batches. While a capability allows no message, the partitions are paused, and the group is served."""

    def __init__(
        self, layers: Sequence[object], is_stopped: Callable[[Partition], bool], clock: ProtocolClock
    ) -> None:
        """``is_stopped``: whether a partition is paused for another reason."""
        self._limits = [layer for layer in layers if isinstance(layer, ProtocolIntake)]
        self._is_stopped = is_stopped
        self._clock = clock

    def read(self, consumer: ProtocolConsumer, most: int, timeout: float) -> list[ProtocolRecord]:
        """Return up to ``most`` records, as ``consumer.batch`` does. Raise as it does."""
        if not self._limits:
            return list(consumer.batch(most, timeout))
        allowed = min(limit.available(most) for limit in self._limits)
        records = list(consumer.batch(allowed, timeout)) if allowed > 0 else self._serve(consumer, timeout)
        for limit in self._limits:
            limit.took(len(records))
        return records

    def opens_ms(self) -> int | None:
        """Return when messages may be read again, in milliseconds since 1970; None while they may."""
        wait = max((limit.wait_seconds() for limit in self._limits), default=0.0)
        return self._clock.now_ms() + ceil(wait * 1000) if wait > 0 and isfinite(wait) else None

    def _serve(self, consumer: ProtocolConsumer, timeout: float) -> list[ProtocolRecord]:
        """Serve the group without a record. Only a partition that is assigned meanwhile may have one."""
        held = [partition for partition in consumer.assignment() if not self._is_stopped(partition)]
        consumer.pause(held)
        records = list(consumer.batch(1, timeout))
        consumer.resume([partition for partition in held if not self._is_stopped(partition)])
        return records
