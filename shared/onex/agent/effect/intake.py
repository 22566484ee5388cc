"""From records to lanes: decodes records, and parses those of the retry topic.

Offsets that an earlier owner has finished are dropped. Suspects wait, or run alone (:mod:`onex.agent.crash`).
"""

from collections.abc import Callable, Hashable, Sequence

from onex.agent.effect.committer import Committer
from onex.agent.effect.crash_gate import EffectGate
from onex.agent.effect.lane_key import UndecodedLane, lane_of, retry_lane
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.order_fence import OrderFences
from onex.agent.effect.outcome import Outcome, Task
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.message.decoding import DecodedInput, Decoder, IgnoredRecord
from onex.agent.message.envelope import read_envelope, with_headers
from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.agent.telemetry.tracing import Tracing
from onex.bus.protocols import Partition, ProtocolRecord
from onex.errors import BusError
from onex.model.enums import EnumOrdering
from onex.wire.retry import Moved, Note, Placeholder, Release, Replay, parse
from onex.wire.skip import Skip


class Intake:
    """Takes the records of one instance. Lives on the event loop."""

    def __init__(
        self,
        lanes: Lanes[Task],
        ordering: EnumOrdering,
        committer: Committer,
        gate: EffectGate,
        retry_topic: RetryTopic,
        fences: OrderFences,
        decoder: Decoder,
        tracing: Tracing | None,
        in_handlers: Callable[[], list[Task]],
    ) -> None:
        """``in_handlers`` returns the messages whose handler runs now."""
        self._lanes = lanes
        self._lane = lane_of(ordering)
        self._rekeyed_topics = decoder.rekeyed_topics if ordering is EnumOrdering.KEY else ()
        self._committer = committer
        self._gate = gate
        self._retry_topic = retry_topic
        self._retry_topic_name = retry_topic.name
        self._fences = fences
        self._decoder = decoder
        self._tracing = tracing
        self._in_handlers = in_handlers

    def take(self, records: Sequence[ProtocolRecord]) -> int:
        """Put records into their lanes. Return the number of records that do not belong to a blocked partition.

        Raise BusUnavailableError when the client has gone back to records that were read before.
        """
        if self._tracing is not None:
            self._tracing.polled()
        if self._gate.suspects:
            records = self._gate.admit(records)
        inputs: list[ProtocolRecord] = []
        retries: list[ProtocolRecord] = []
        for record in records:
            partition = Partition(record.topic(), record.partition())
            if not self._committer.take(partition, record.offset()):
                if self._gate.watches:
                    self._gate.was_done(partition, record.offset())
                continue
            (retries if record.topic() == self._retry_topic_name else inputs).append(record)
        if not self._gate.watches:
            self._gate.took(self._committer.spans())  # first, because decoding may end the process, too
        for record in retries:
            self._take_retry(record, Partition(record.topic(), record.partition()))
        # The decoder runs before the records are looked at: it may replace some of them.
        decoded = self._decode(inputs)
        if self._decoder.ignores:
            inputs, decoded = self._without_ignored(inputs, decoded)
        for record, received in zip(inputs, decoded, strict=True):
            task = self._task(record, Partition(record.topic(), record.partition()), received)
            self._lanes.add(self._input_lane(task), task)
        return len(records)

    def _input_lane(self, task: Task) -> Hashable:
        """Return the lane of an input. Behind a record whose key is not known yet, all of its partition wait."""
        if task.partition.topic not in self._rekeyed_topics:
            return self._lane(task)
        undecoded = UndecodedLane(task.partition)
        match task.received:
            case BusError() | MemoryError():
                return undecoded
        return undecoded if undecoded in self._lanes else self._lane(task)

    def _decode(self, records: list[ProtocolRecord]) -> list[DecodedInput | BaseException]:
        if self._gate.watches:
            return self._gate.decode(self._decoder, records, self._in_handlers())
        return self._decoder.decode(records)

    def _without_ignored(
        self, records: Sequence[ProtocolRecord], decoded: Sequence[DecodedInput | BaseException]
    ) -> tuple[list[ProtocolRecord], list[DecodedInput | BaseException]]:
        """Finish the records that the contract ignores, and return the others."""
        others, inputs = list[ProtocolRecord](), list[DecodedInput | BaseException]()
        for record, received in zip(records, decoded, strict=True):
            if type(received) is IgnoredRecord:
                self._committer.add(Outcome(record, Partition(record.topic(), record.partition())))
            else:
                others.append(record)
                inputs.append(received)
        return others, inputs

    def _take_retry(self, record: ProtocolRecord, partition: Partition) -> None:
        """Take a record of the retry topic. One that is not as the engine writes it becomes a dead letter."""
        record = with_headers(record)
        waiting: Moved | Placeholder | None = None
        try:
            match parse(record):
                case Skip() | Note():  # read elsewhere
                    self._committer.add(Outcome(record, partition))
                case Placeholder(message_id) as waiting:
                    self._add_placeholder(record, partition, waiting, message_id)
                case Moved() as waiting if self._retry_topic.attempts(record, waiting).is_dead:
                    self._add_placeholder(record, partition, waiting, read_envelope(record).id)
                case Moved() as waiting:
                    task = self._decoded(record, partition, waiting)
                    self._lanes.add(retry_lane(self._lane(task)), task)
                case Release(message_id):
                    task = Task(record, partition, read_envelope(record), None)
                    if not self._fences.release(message_id, task):
                        self._committer.add(Outcome(record, partition))
                case Replay(message_id):
                    task = self._decoded(record, partition)
                    if not self._fences.release(message_id, task):
                        self._lanes.add(self._lane(task), task)
        except Exception as error:  # noqa: BLE001 - becomes its dead letter
            task = Task(record, partition, read_envelope(record), error, None, waiting)
            self._lanes.add((partition, record.offset()), task)

    def _add_placeholder(
        self, record: ProtocolRecord, partition: Partition, waiting: Moved | Placeholder, message_id: bytes
    ) -> None:
        """Have the key wait until the dead letter of this message is released."""
        self._fences.add(partition, message_id)
        task = Task(record, partition, read_envelope(record), None, None, waiting)
        self._lanes.add(retry_lane(self._lane(task)), task)

    def _decoded(self, record: ProtocolRecord, partition: Partition, waiting: Moved | None = None) -> Task:
        if isinstance(record, UnreadableHeaders):
            return self._task(record, partition, record.reason, waiting)
        single = [record]
        (received,) = self._decode(single)
        return self._task(single[0], partition, received, waiting)

    def _task(
        self,
        record: ProtocolRecord,
        partition: Partition,
        received: DecodedInput | BaseException,
        waiting: Moved | None = None,
    ) -> Task:
        if isinstance(received, MemoryError) and isinstance(record, UnreadableHeaders):
            raise received  # the record can only be read again from the start
        if not isinstance(received, tuple):
            record = with_headers(record)  # the record of a skip was not decoded
        envelope = received[2] if isinstance(received, tuple) else read_envelope(record)
        trace = None if self._tracing is None else self._tracing.received(record, envelope)
        return Task(record, partition, envelope, received, trace, waiting)
