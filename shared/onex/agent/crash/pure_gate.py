"""Between a poll and a batch of a pure kind: suspects are watched closely, carried alone, or block their partition.

Inputs for which memory was short are carried alone, too (:mod:`onex.agent.failure.memory_shortages`).

A fired timer is an input like a record. It counts as one of the changelog's partition, at an offset that is made of
its due time (:mod:`onex.wire.timer_offset`).
"""

from collections.abc import Collection, Mapping, Sequence

from onex.agent.crash.isolation import Isolation, complaint_of, error_of
from onex.agent.crash.journal import Span
from onex.agent.crash.skips import SkipLookup
from onex.agent.crash.suspects import Suspect
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.failure.memory_shortages import Location
from onex.agent.message.envelope import with_headers
from onex.agent.pure.due_timers import Due
from onex.agent.pure.processor import Processor
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolEventBus, ProtocolRecord
from onex.model.contract import ModelContract
from onex.model.enums import EnumStage
from onex.util.clock import ProtocolClock
from onex.wire.skip import is_skip
from onex.wire.timer_offset import DueTimer, offset_of


class PureGate:
    """Of one engine. Costs two writes to the journal a batch while nothing is suspected."""

    def __init__(
        self,
        isolation: Isolation,
        held: BlockedPartitions,
        work: Processor,
        contract: ModelContract,
        group: str,
        clock: ProtocolClock,
    ) -> None:
        self._isolation = isolation
        self._journal = isolation.journal
        self._blocked = held
        self._work = work
        self._node = contract.name
        self._changelog = contract.changelog_topic
        self._retry_topic = contract.retry_topic
        self._lookup = SkipLookup(contract.retry_topic, group, clock)
        self.suspects = isolation.suspects
        self.watches = False
        """The batch holds suspects: the journal names each record before it is carried."""
        self._alone = False

    def admit(
        self, records: list[ProtocolRecord], due: list[Due], consumer: ProtocolConsumer
    ) -> tuple[list[ProtocolRecord], list[Due]]:
        """What may be carried together now. The consumer goes back to what may not.

        An input that runs alone is not kept waiting by other partitions: under load there would always be others.
        """
        self.watches = self._alone = False
        if not self.suspects and not self._work.memory_shortages:
            return records, due
        timers = self._admit_timers(due)
        if not self._alone and not self._are_concerned(records):
            return records, timers  # a partition may be blocked for days: the others pay little for it
        admitted: list[ProtocolRecord] = []
        ready: set[Partition] = set()
        left: dict[Partition, int] = {}
        is_full = self._alone
        for record in records:
            partition, offset = Partition(record.topic(), record.partition()), record.offset()
            if is_full or partition in left:
                _leave(left, record)
                continue
            suspect = self.suspects.at(partition, offset)
            if self._runs_alone(partition, offset, suspect):
                is_full = True
                if partition in ready:
                    _leave(left, record)
                    continue
                for other in admitted:
                    _leave(left, other)
                admitted, timers, self._alone = [record], [], True
                self._look_closely(partition, offset, suspect)
            elif self._goes_on(partition, offset, suspect, is_first=partition not in ready):
                admitted.append(record)
                ready.add(partition)
            else:
                _leave(left, record)
        for partition, offset in left.items():
            consumer.seek(partition, offset)
        blocked = [partition for partition in left if self._blocked.is_blocked(partition)]
        consumer.pause(blocked)
        numbers = {partition.partition for partition in blocked}
        return admitted, [(number, timer) for number, timer in timers if number not in numbers]

    def _are_concerned(self, records: Sequence[ProtocolRecord]) -> bool:
        concerned = {suspect.partition for suspect in self.suspects} | self._work.memory_shortages.partitions
        return any((record.topic(), record.partition()) in concerned for record in records)

    def _admit_timers(self, due: list[Due]) -> list[Due]:
        admitted: list[Due] = []
        ready: set[int] = set()
        stopped: set[int] = set()
        for number, timer in due:
            if number in stopped:
                continue
            partition, offset = Partition(self._changelog, number), offset_of(timer)
            suspect = self.suspects.at(partition, offset)
            if self._runs_alone(partition, offset, suspect):
                if number not in ready:
                    self._alone = True
                    self._look_closely(partition, offset, suspect)
                    return [(number, timer)]
                stopped.add(number)
            elif self._goes_on(partition, offset, suspect, is_first=number not in ready):
                admitted.append((number, timer))
                ready.add(number)
            else:
                stopped.add(number)
        return admitted

    def _runs_alone(self, partition: Partition, offset: int, suspect: Suspect | None) -> bool:
        if suspect is not None and suspect.runs_alone:
            return True
        is_short = (*partition, offset) in self._work.memory_shortages
        return is_short and (suspect is None or not suspect.waits)

    def _goes_on(self, partition: Partition, offset: int, suspect: Suspect | None, *, is_first: bool) -> bool:
        """Whether a record or timer may be carried.

        The partition is blocked where not, as soon as nothing of it comes before: a paused partition could not go
        back to what was not carried after all.
        """
        if suspect is not None and suspect.waits:
            if is_first:
                self._blocked.block(partition, complaint_of(suspect, self._node))
            return False
        self._look_closely(partition, offset, suspect)
        return True

    def _look_closely(self, partition: Partition, offset: int, suspect: Suspect | None) -> None:
        """The batch holds this input: with a suspect, the journal names each one that is carried."""
        if suspect is None:
            return
        self.watches = True
        if suspect.skip:
            self._work.mark_failed((*partition, offset), error_of(suspect), EnumStage.HANDLER)

    def begin(
        self, first: Mapping[Partition, int], positions: Mapping[Partition, Position], due: Sequence[Due]
    ) -> None:
        """A batch is in work from now on."""
        spans = [Span(partition, offset, positions[partition].offset) for partition, offset in first.items()]
        offsets: dict[Partition, list[int]] = {}
        for number, timer in due:
            offsets.setdefault(Partition(self._changelog, number), []).append(offset_of(timer))
        spans += [Span(partition, min(found), max(found) + 1) for partition, found in offsets.items()]
        self._journal.write(spans, alone=self._alone)

    def at(self, record: ProtocolRecord) -> None:
        """Of the batch, this record is in work; the ones before it did no harm."""
        self._at(Partition(record.topic(), record.partition()), record.offset())

    def at_timer(self, number: int, timer: DueTimer) -> None:
        """The same, for a fired timer."""
        self._at(Partition(self._changelog, number), offset_of(timer))

    def _at(self, partition: Partition, offset: int) -> None:
        self._journal.write([Span(partition, offset, offset + 1)], alone=self._alone)

    def end(self) -> None:
        """No record is in work: what follows is the bus's."""
        self._journal.idle()

    def committed(self, positions: Mapping[Partition, Position], timers: Collection[Location]) -> None:
        """Everything before these positions has passed, and these fired timers."""
        self._isolation.pass_to({partition: position.offset for partition, position in positions.items()})
        self._isolation.pass_at([(Partition(topic, number), offset) for topic, number, offset in timers])

    def without_skips(self, records: list[ProtocolRecord], first: Mapping[Partition, int]) -> None:
        """Take decisions about blocked records out of a batch: they are read elsewhere, and are nothing to handle."""
        if any(partition.topic == self._retry_topic for partition in first):
            retry_topic = self._retry_topic
            known = [with_headers(r) if r.topic() == retry_topic else r for r in records]
            records[:] = [r for r in known if r.topic() != retry_topic or not is_skip(r)]

    def look(self, bus: ProtocolEventBus) -> None:
        """While something is blocked: has an operator decided?"""
        if not self._blocked.is_any_blocked:
            return
        blocked = [s for s in self.suspects if s.waits and self._blocked.is_blocked(s.partition)]
        for skip in self._lookup.look(bus, blocked):
            if self._isolation.decide(skip):
                partition, _ = skip.place
                self._blocked.unblock(partition)


def _leave(left: dict[Partition, int], record: ProtocolRecord) -> None:
    """Read a record again later; and with it what comes behind it."""
    partition = Partition(record.topic(), record.partition())
    left[partition] = min(left.get(partition, record.offset()), record.offset())
