"""The gate between a poll and a batch of a pure engine: suspects are carried alone or block their partition.

Inputs for which memory was short are carried alone, too (:mod:`onex.agent.failure.memory_shortages`).

A fired timer is an input like a record. It belongs to the changelog's partition, and its due time makes its offset
(:mod:`onex.wire.timer_offset`).
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
    """The gate of one engine. Without suspects it costs two writes to the journal a batch."""

    def __init__(
        self,
        isolation: Isolation,
        blocked: BlockedPartitions,
        processor: Processor,
        contract: ModelContract,
        group: str,
        clock: ProtocolClock,
    ) -> None:
        self._isolation = isolation
        self._journal = isolation.journal
        self._blocked = blocked
        self._processor = processor
        self._node = contract.name
        self._changelog = contract.changelog_topic
        self._retry_topic = contract.retry_topic
        self._lookup = SkipLookup(contract.retry_topic, group, clock)
        self.suspects = isolation.suspects
        self.watches = False
        """Whether the batch has suspects, so that the journal names each record before it is carried."""
        self._is_alone = False

    def admit(
        self, records: list[ProtocolRecord], due: list[Due], consumer: ProtocolConsumer
    ) -> tuple[list[ProtocolRecord], list[Due]]:
        """Return the records and timers that may be carried together now. The consumer seeks back to the others.

        An input that runs alone does not wait for other partitions: under load they would always have records.
        """
        self.watches = self._is_alone = False
        if not self.suspects and not self._processor.memory_shortages:
            return records, due
        timers = self._admit_timers(due)
        if not self._is_alone and not self._are_concerned(records):
            return records, timers  # a partition may be blocked for days: the others pay little for it
        admitted: list[ProtocolRecord] = []
        begun: set[Partition] = set()
        postponed: dict[Partition, int] = {}
        is_full = self._is_alone
        for record in records:
            partition, offset = Partition(record.topic(), record.partition()), record.offset()
            if is_full or partition in postponed:
                _postpone(postponed, record)
                continue
            suspect = self.suspects.at(partition, offset)
            if self._runs_alone(partition, offset, suspect):
                is_full = True
                if partition in begun:
                    _postpone(postponed, record)
                    continue
                for other in admitted:
                    _postpone(postponed, other)
                admitted, timers, self._is_alone = [record], [], True
                self._watch(partition, offset, suspect)
            elif self._is_admitted(partition, offset, suspect, is_first=partition not in begun):
                admitted.append(record)
                begun.add(partition)
            else:
                _postpone(postponed, record)
        for partition, offset in postponed.items():
            consumer.seek(partition, offset)
        blocked = [partition for partition in postponed if self._blocked.is_blocked(partition)]
        consumer.pause(blocked)
        numbers = {partition.partition for partition in blocked}
        return admitted, [(number, timer) for number, timer in timers if number not in numbers]

    def _are_concerned(self, records: Sequence[ProtocolRecord]) -> bool:
        concerned = {suspect.partition for suspect in self.suspects} | self._processor.memory_shortages.partitions
        return any((record.topic(), record.partition()) in concerned for record in records)

    def _admit_timers(self, due: list[Due]) -> list[Due]:
        admitted: list[Due] = []
        begun: set[int] = set()
        stopped: set[int] = set()
        for number, timer in due:
            if number in stopped:
                continue
            partition, offset = Partition(self._changelog, number), offset_of(timer)
            suspect = self.suspects.at(partition, offset)
            if self._runs_alone(partition, offset, suspect):
                if number not in begun:
                    self._is_alone = True
                    self._watch(partition, offset, suspect)
                    return [(number, timer)]
                stopped.add(number)
            elif self._is_admitted(partition, offset, suspect, is_first=number not in begun):
                admitted.append((number, timer))
                begun.add(number)
            else:
                stopped.add(number)
        return admitted

    def _runs_alone(self, partition: Partition, offset: int, suspect: Suspect | None) -> bool:
        if suspect is not None and suspect.runs_alone:
            return True
        is_short = (*partition, offset) in self._processor.memory_shortages
        return is_short and (suspect is None or not suspect.awaits_decision)

    def _is_admitted(self, partition: Partition, offset: int, suspect: Suspect | None, *, is_first: bool) -> bool:
        """Return whether a record or timer may be carried.

        Where not, block the partition as soon as no input of it comes before: a paused partition could not seek back
        to an input that was not carried after all.
        """
        if suspect is not None and suspect.awaits_decision:
            if is_first:
                self._blocked.block(partition, complaint_of(suspect, self._node))
            return False
        self._watch(partition, offset, suspect)
        return True

    def _watch(self, partition: Partition, offset: int, suspect: Suspect | None) -> None:
        """Have the journal name each input of the batch, where this one is a suspect. A skipped one has failed."""
        if suspect is None:
            return
        self.watches = True
        if suspect.skip:
            self._processor.mark_failed((*partition, offset), error_of(suspect), EnumStage.HANDLER)

    def begin(
        self, first: Mapping[Partition, int], positions: Mapping[Partition, Position], due: Sequence[Due]
    ) -> None:
        """Name the inputs of a batch, which runs from now on."""
        spans = [Span(partition, offset, positions[partition].offset) for partition, offset in first.items()]
        offsets: dict[Partition, list[int]] = {}
        for number, timer in due:
            offsets.setdefault(Partition(self._changelog, number), []).append(offset_of(timer))
        spans += [Span(partition, min(timers), max(timers) + 1) for partition, timers in offsets.items()]
        self._journal.write(spans, alone=self._is_alone)

    def at(self, record: ProtocolRecord) -> None:
        """Name this record of the batch. The ones before it did not end the process."""
        self._at(Partition(record.topic(), record.partition()), record.offset())

    def at_timer(self, number: int, timer: DueTimer) -> None:
        """Name this fired timer of the batch."""
        self._at(Partition(self._changelog, number), offset_of(timer))

    def _at(self, partition: Partition, offset: int) -> None:
        self._journal.write([Span(partition, offset, offset + 1)], alone=self._is_alone)

    def end(self) -> None:
        """Name no inputs: the bus writes and commits."""
        self._journal.idle()

    def committed(self, positions: Mapping[Partition, Position], timers: Collection[Location]) -> None:
        """Remove the suspects before these positions, and those that are these fired timers."""
        self._isolation.pass_to({partition: position.offset for partition, position in positions.items()})
        self._isolation.pass_at([(Partition(topic, number), offset) for topic, number, offset in timers])

    def without_skips(self, records: list[ProtocolRecord], first: Mapping[Partition, int]) -> None:
        """Remove decisions about blocked records from a batch: :class:`SkipLookup` reads them."""
        if any(partition.topic == self._retry_topic for partition in first):
            retry_topic = self._retry_topic
            readable = [with_headers(r) if r.topic() == retry_topic else r for r in records]
            records[:] = [r for r in readable if r.topic() != retry_topic or not is_skip(r)]

    def look(self, bus: ProtocolEventBus) -> None:
        """Unblock the partitions about which an operator has decided."""
        if not self._blocked.is_any_blocked:
            return
        blocked = [s for s in self.suspects if s.awaits_decision and self._blocked.is_blocked(s.partition)]
        for skip in self._lookup.look(bus, blocked):
            if self._isolation.decide(skip):
                partition, _ = skip.place
                self._blocked.unblock(partition)


def _postpone(offsets: dict[Partition, int], record: ProtocolRecord) -> None:
    """Have a record read again later, and with it the records behind it."""
    partition = Partition(record.topic(), record.partition())
    offsets[partition] = min(offsets.get(partition, record.offset()), record.offset())
