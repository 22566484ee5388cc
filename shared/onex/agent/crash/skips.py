"""``onex offsets skip``: how the decision to give a blocked record up reaches the agent that is blocked by it.

The decision is a record on the node's retry topic, in the partition of the same number. Whichever instance owns the
blocked partition looks there, outside of its group: so it does not matter who owns the retry partition, or whether
that one is blocked itself. Read by the group, the record means nothing.
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
_MARGIN_MS = 3_600_000
"""An operator's clock may be behind, and another instance may have been blocked by the record before."""


class SkipLookup:
    """Looks for decisions while something is blocked; on the thread that polls."""

    def __init__(self, retry_topic: str, group: str, clock: ProtocolClock) -> None:
        self._topic = retry_topic
        self._group = group
        self._clock = clock
        self._looked = float("-inf")
        self._next: dict[Partition, int] = {}

    def look(self, bus: ProtocolEventBus, blocked: Collection[Suspect]) -> Iterator[Skip]:
        """Decisions of this group that have not been read yet; asks the brokers once a second at most."""
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
