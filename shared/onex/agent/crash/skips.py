"""How the decision of ``onex offsets skip`` to give up a blocked record reaches the agent.

The decision is a record on the node's retry topic, in the partition of the same number. The owner of the blocked
partition reads it there outside of its group, so it does not matter which instance owns the retry partition, or
whether the retry partition is blocked, too. The group ignores the record.
"""

from collections.abc import Collection, Iterator

import structlog

from onex.agent.crash.suspects import Suspect
from onex.agent.message.envelope import with_headers
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolRecord
from onex.errors import BusError
from onex.util.clock import ProtocolClock
from onex.wire.skip import Skip, skip_in

log = structlog.get_logger(__name__)
_LOOK_EVERY = 1.0
"""Seconds."""
_MARGIN_MS = 3_600_000
"""How long before the first end of the process decisions are looked for, in milliseconds.

An operator's clock may be behind, and the record may have blocked another instance before."""


class SkipLookup:
    """Reads decisions while a partition is blocked. On the thread that polls."""

    def __init__(self, retry_topic: str, group: str, clock: ProtocolClock) -> None:
        self._topic = retry_topic
        self._group = group
        self._clock = clock
        self._looked = float("-inf")
        self._next: dict[Partition, int] = {}

    def look(self, bus: ProtocolEventBus, blocked: Collection[Suspect]) -> Iterator[Skip]:
        """Yield the decisions for this group that were not read yet. Reads from the brokers once a second at most."""
        now = self._clock.monotonic()
        if not blocked or now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        try:
            for record in map(with_headers, self._new_records(bus, blocked)):
                skip = skip_in(record)
                if skip is not None and skip.group == self._group:
                    yield skip
        except BusError as error:
            log.info("cannot look for decisions about blocked records", reason=str(error))

    def _new_records(self, bus: ProtocolEventBus, blocked: Collection[Suspect]) -> Iterator[ProtocolRecord]:
        for number in {suspect.partition.partition for suspect in blocked}:
            partition = Partition(self._topic, number)
            if partition not in self._next:
                since = min(s.since_ms for s in blocked if s.partition.partition == number)
                self._next[partition] = bus.admin.offsets_at([partition], since - _MARGIN_MS)[partition]
        starts = {p: at for p, at in self._next.items() if p.partition in {s.partition.partition for s in blocked}}
        ends = bus.admin.stable_ends(starts.keys())
        starts = {p: at for p, at in starts.items() if at < ends[p]}
        if not starts:
            return
        reader = bus.read(starts, {p: ends[p] for p in starts})
        try:
            yield from reader.until_end()
        finally:
            reader.close()
        self._next.update({p: ends[p] for p in starts})
