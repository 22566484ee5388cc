"""Before the lanes of an effect: suspects are watched closely, run alone, or block their partition."""

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

_Place = tuple[Partition, int]


class EffectGate:
    """Of one engine; lives on its loop, but for ``decisions``."""

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
        """What was read of blocked partitions, which are paused as soon as they are."""
        self._alone: set[_Place] = set()
        """Records in the lanes beside which nothing else may run."""
        self._assigned: set[Partition] = set()
        self.suspects = isolation.suspects
        self.watches = False
        """There are suspects on assigned partitions: the journal names exactly what runs."""

    def adopt(self, committed: Mapping[Partition, Position | None]) -> None:
        """Partitions were assigned, with what is committed for them."""
        self._isolation.pass_to({partition: at.offset for partition, at in committed.items() if at is not None})
        self._assigned.update(committed)
        self._look_around()

    def forget(self, partitions: Collection[Partition]) -> None:
        """Partitions are assigned elsewhere."""
        self._assigned.difference_update(partitions)
        for partition in partitions:
            self._waiting.pop(partition, None)
        self._alone = {place for place in self._alone if place[0] not in partitions}
        self._look_around()

    def _look_around(self) -> None:
        self.watches = any(not s.waits and s.partition in self._assigned for s in self.suspects)

    @property
    def is_alone(self) -> bool:
        """Whether only one message may run at a time."""
        return bool(self._alone)

    def admit(self, records: Iterable[ProtocolRecord]) -> list[ProtocolRecord]:
        """Records that may go into the lanes; what was read of a blocked partition waits here."""
        return [record for record in records if self._goes_on(record)]

    def _goes_on(self, record: ProtocolRecord) -> bool:
        partition = Partition(record.topic(), record.partition())
        if partition in self._waiting:
            self._waiting[partition].append(record)
            return False
        suspect = self.suspects.at(partition, record.offset())
        if suspect is None or partition not in self._assigned:
            return True
        if suspect.waits:
            self._waiting[partition] = [record]
            self._blocked.block(partition, complaint_of(suspect, self._node))
            return False
        if suspect.runs_alone:
            self._alone.add((partition, record.offset()))
        return True

    def receive(
        self, receiver: Decoder, records: list[ProtocolRecord], running: Iterable[Task]
    ) -> list[DecodedInput | BaseException]:
        """Decode one by one, so that the journal names the one that ends the process; what is skipped, not at all.

        Records are replaced as :meth:`Decoder.decode` does.
        """
        spans, received = _spans(running), list[DecodedInput | BaseException]()
        for at, record in enumerate(records):
            partition, offset = Partition(record.topic(), record.partition()), record.offset()
            suspect = self.suspects.at(partition, offset)
            if suspect is not None and suspect.skip:
                received.append(error_of(suspect))
                continue
            alone = not spans and (partition, offset) in self._alone
            self._journal.write([*spans, Span(partition, offset, offset + 1)], alone=alone)
            only = [record]
            received += receiver.decode(only)
            (records[at],) = only
        return received

    def took(self, spans: Iterable[Span]) -> None:
        """Records went into the lanes: from the first one that is not done to the last one that was read."""
        self._journal.write(spans)

    def running(self, tasks: Iterable[Task]) -> None:
        """While there are suspects: exactly these run."""
        spans = _spans(tasks)
        if not spans:
            self._journal.idle()
            return
        self._journal.write(spans, alone=len(spans) == 1 and (spans[0].partition, spans[0].first) in self._alone)

    def idle(self) -> None:
        """Nothing runs."""
        self._journal.idle()

    def was_done(self, partition: Partition, offset: int) -> None:
        """A record was read that an earlier run had finished."""
        if partition in self._assigned:
            self._pass([(partition, offset)])

    def committed(self, commit: Commit) -> None:
        """Outcomes are committed."""
        self._isolation.pass_to({partition: position.offset for partition, position in commit.positions.items()})
        self._pass([(o.partition, o.record.offset()) for o in commit.outcomes if o.done or o.dead])

    def _pass(self, places: Collection[_Place]) -> None:
        self._isolation.pass_at(places)
        self._alone.difference_update(places)
        self._look_around()

    def decisions(self, bus: ProtocolEventBus) -> list[Skip]:
        """While something is blocked: what operators have decided. On the thread that polls."""
        if not self._waiting:
            return []
        blocked = [s for s in self.suspects if s.waits and s.partition in self._waiting]
        return list(self._lookup.look(bus, blocked))

    def release(self, skip: Skip) -> list[ProtocolRecord]:
        """Keep a decision; returns the records of the partition that is blocked no more."""
        if not self._isolation.decide(skip):
            return []
        partition, _ = skip.place
        self._blocked.unblock(partition)
        self._look_around()
        return self._waiting.pop(partition, [])


def _spans(tasks: Iterable[Task]) -> list[Span]:
    return [Span(task.partition, at := task.record.offset(), at + 1) for task in tasks]
