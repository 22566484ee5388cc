"""The search for an input that leads to a record which a broker refuses, although it seemed to fit."""

from collections.abc import Collection, Sequence

from onex.agent.failure.memory_shortages import Location
from onex.agent.message.batch import span_of
from onex.agent.pure.batch_pace import BatchPace
from onex.agent.pure.due_timers import Due
from onex.agent.pure.processor import Processor
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Partition, ProtocolConsumer, ProtocolRecord
from onex.errors import MessageTooLargeError


class RefusedInputSearch:
    """First every record is measured with key and headers. When a broker refuses one again, batches are halved until
    the input is alone. It becomes a dead letter when it runs again."""

    def __init__(self, pace: BatchPace, limits: TopicLimits, processor: Processor) -> None:
        self._pace = pace
        self._limits = limits
        self._processor = processor
        self._timers_turn = False
        """In narrow batches records and timers take turns."""

    def narrowed(
        self, records: list[ProtocolRecord], due: Sequence[Due], consumer: ProtocolConsumer
    ) -> tuple[list[ProtocolRecord], Sequence[Due]]:
        """Return the inputs of the next batch. During a search it has records or timers, and not more timers than its
        size. The consumer goes back to records that wait."""
        if not self._pace.narrow:
            return records, due
        if records and due:
            self._timers_turn = not self._timers_turn
            if not self._timers_turn:
                return records, []
            for partition, offset in span_of(records)[0].items():
                consumer.seek(partition, offset)
        return ([], due[: self._pace.size]) if due else (records, due)

    def refused(
        self, partitions: Sequence[Partition], inputs: int, only_input: Location | None, error: MessageTooLargeError
    ) -> None:
        """Go on with the search: a batch of this many inputs of these partitions was refused."""
        if not self._limits.careful:
            self._limits.suspect(partitions)
        elif only_input is None:
            self._pace.refused(inputs, partitions)
        else:
            self._processor.mark_failed(only_input, error, self._processor.stage)

    def committed(self, partitions: Collection[Partition]) -> None:
        """End the measuring for partitions whose batch was committed whole."""
        if not self._pace.narrow:
            self._limits.trust(partitions)

    def forget(self, partition: Partition) -> None:
        """End the search in a partition that is assigned to another instance."""
        self._pace.forget(partition)
        self._limits.trust([partition])
