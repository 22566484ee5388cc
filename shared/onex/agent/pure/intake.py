"""What a pure engine reads, within the limits of capabilities."""

from collections.abc import Callable, Sequence
from math import ceil, isfinite

from onex.agent.message.intake_limits import IntakeLimits
from onex.bus.protocols import Partition, ProtocolConsumer, ProtocolRecord
from onex.util.clock import ProtocolClock


class Intake:
    """Reads batches. While a capability allows no message, the partitions are paused, and the group is served."""

    def __init__(
        self, layers: Sequence[object], is_stopped: Callable[[Partition], bool], clock: ProtocolClock
    ) -> None:
        """``is_stopped``: whether a partition is paused for another reason."""
        self._limits = IntakeLimits(layers)
        self._is_stopped = is_stopped
        self._clock = clock
        self.is_holding = False
        """Whether partitions are paused for a limit since the last read. They stay so until it allows messages:
        librdkafka drops what it has fetched of a paused partition, and a resumed one would be fetched again."""

    def read(self, consumer: ProtocolConsumer, most: int, timeout: float) -> list[ProtocolRecord]:
        """Return up to ``most`` records, as ``consumer.batch`` does. Raise as it does."""
        if not self._limits:
            return list(consumer.batch(most, timeout))
        allowed = self._limits.available(most)
        running = [] if allowed > 0 and not self.is_holding else self._running(consumer)
        if allowed > 0 and self.is_holding:
            consumer.resume(running)
        elif allowed <= 0:
            consumer.pause(running)
        self.is_holding = allowed <= 0  # before the read: `assigned` sets it inside
        # While nothing is allowed, only a partition that is assigned meanwhile may have a record.
        records = list(consumer.batch(max(1, allowed), timeout))
        self._limits.took(len(records))
        return records

    def assigned(self, consumer: ProtocolConsumer, partitions: Sequence[Partition]) -> None:
        """Have new partitions wait, too, while no message may be read."""
        if self.is_closed:
            consumer.pause(partitions)
            self.is_holding = True

    @property
    def is_closed(self) -> bool:
        """Whether no message may be read now. From any thread."""
        return self._limits.wait_seconds() > 0

    def opens_ms(self) -> int | None:
        """Return when messages may be read again, in milliseconds since 1970; None while they may."""
        wait = self._limits.wait_seconds()
        return self._clock.now_ms() + ceil(wait * 1000) if wait > 0 and isfinite(wait) else None

    def _running(self, consumer: ProtocolConsumer) -> list[Partition]:
        """Return the assigned partitions that are not stopped for another reason."""
        return [partition for partition in consumer.assignment() if not self._is_stopped(partition)]
