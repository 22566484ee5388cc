"""The gate before the lanes of an effect: suspects run alone or block their partition, and the journal names them."""

from collections.abc import Collection, Iterable, Mapping

from onex.agent.crash.isolation import Isolation, complaint_of, error_of
from onex.agent.crash.journal import Span
from onex.agent.crash.skips import SkipLookup
from onex.agent.effect.outcome import Commit, Task
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.message.decoding import DecodedInput, Decoder
from onex.bus.protocols import Partition, Position, ProtocolEventBus, ProtocolRecord
from onex.util.clock import ProtocolClock
from onex.wire.skip import Skip

_Location = tuple[Partition, int]


class EffectGate:
    """The gate of one engine. Lives on its event loop, except :meth:`decisions`."""

    def __init__(
        self,
        isolation: Isolation,
        blocked: BlockedPartitions,
        node: str,
        retry_topic: str,
        group: str,
        clock: ProtocolClock,
    ) -> None:
        self._isolation = isolation
        self._journal = isolation.journal
        self._blocked = blocked
        self._node = node
        self._lookup = SkipLookup(retry_topic, group, clock)
        self._waiting: dict[Partition, list[ProtocolRecord]] = {}
        """Records of blocked partitions that were read before their partition was paused."""
        self._alone: set[_Location] = set()
        """Records in the lanes that must run alone."""
        self._assigned: set[Partition] = set()
        self.suspects = isolation.suspects
        self.watches = False
        """Whether assigned partitions have suspects, so that the journal names exactly the running records."""

    def adopt(self, committed: Mapping[Partition, Position | None]) -> None:
        """Add assigned partitions, with their committed positions."""
        self._isolation.pass_to({partition: at.offset for partition, at in committed.items() if at is not None})
        self._assigned.update(committed)
        self._update_watches()

    def forget(self, partitions: Collection[Partition]) -> None:
        """Remove partitions that are not assigned any more."""
        self._assigned.difference_update(partitions)
        for partition in partitions:
            self._waiting.pop(partition, None)
        self._alone = {location for location in self._alone if location[0] not in partitions}
        self._update_watches()

    def _update_watches(self) -> None:
        self.watches = any(not s.awaits_decision and s.partition in self._assigned for s in self.suspects)

    @property
    def is_alone(self) -> bool:
        """Whether one message must run alone."""
        return bool(self._alone)

    def admit(self, records: Iterable[ProtocolRecord]) -> list[ProtocolRecord]:
        """Return the records that may go into the lanes. Those of blocked partitions wait here."""
        return [record for record in records if self._is_admitted(record)]

    def _is_admitted(self, record: ProtocolRecord) -> bool:
        partition = Partition(record.topic(), record.partition())
        if partition in self._waiting:
            self._waiting[partition].append(record)
            return False
        suspect = self.suspects.at(partition, record.offset())
        if suspect is None or partition not in self._assigned:
            return True
        if suspect.awaits_decision:
            self._waiting[partition] = [record]
            self._blocked.block(partition, complaint_of(suspect, self._node))
            return False
        if suspect.runs_alone:
            self._alone.add((partition, record.offset()))
        return True

    def decode(
        self, decoder: Decoder, records: list[ProtocolRecord], running: Iterable[Task]
    ) -> list[DecodedInput | BaseException]:
        """Decode records, but no skipped ones, one by one: so the journal names the one that ends the process.

        Records are replaced as :meth:`Decoder.decode` does.
        """
        spans, decoded = _spans(running), list[DecodedInput | BaseException]()
        for at, record in enumerate(records):
            partition, offset = Partition(record.topic(), record.partition()), record.offset()
            suspect = self.suspects.at(partition, offset)
            if suspect is not None and suspect.skip:
                decoded.append(error_of(suspect))
                continue
            alone = not spans and (partition, offset) in self._alone
            self._journal.write([*spans, Span(partition, offset, offset + 1)], alone=alone)
            single = [record]
            decoded += decoder.decode(single)
            (records[at],) = single
        return decoded

    def took(self, spans: Iterable[Span]) -> None:
        """Name the records in the lanes, from the first one that is not done to the last one that was read."""
        self._journal.write(spans)

    def running(self, tasks: Iterable[Task]) -> None:
        """While there are suspects, name exactly the running records."""
        spans = _spans(tasks)
        if not spans:
            self._journal.idle()
            return
        self._journal.write(spans, alone=len(spans) == 1 and (spans[0].partition, spans[0].first) in self._alone)

    def idle(self) -> None:
        """Name no records: none runs."""
        self._journal.idle()

    def was_done(self, partition: Partition, offset: int) -> None:
        """Remove the suspect that is a record which an earlier owner has finished."""
        if partition in self._assigned:
            self._pass([(partition, offset)])

    def committed(self, commit: Commit) -> None:
        """Remove the suspects that a commit has passed."""
        self._isolation.pass_to({partition: position.offset for partition, position in commit.positions.items()})
        self._pass([(o.partition, o.record.offset()) for o in commit.outcomes if o.done or o.dead])

    def _pass(self, locations: Collection[_Location]) -> None:
        self._isolation.pass_at(locations)
        self._alone.difference_update(locations)
        self._update_watches()

    def decisions(self, bus: ProtocolEventBus) -> list[Skip]:
        """Return the decisions of operators while a partition is blocked. On the thread that polls."""
        if not self._waiting:
            return []
        blocked = [s for s in self.suspects if s.awaits_decision and s.partition in self._waiting]
        return list(self._lookup.look(bus, blocked))

    def release(self, skip: Skip) -> list[ProtocolRecord]:
        """Store a decision. Return the records of the partition, which is no longer blocked."""
        if not self._isolation.decide(skip):
            return []
        partition, _ = skip.place
        self._blocked.unblock(partition)
        self._update_watches()
        return self._waiting.pop(partition, [])


def _spans(tasks: Iterable[Task]) -> list[Span]:
    return [Span(task.partition, at := task.record.offset(), at + 1) for task in tasks]
