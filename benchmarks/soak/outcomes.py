"""What came of it, read from the topics."""

import json
from collections import Counter
from collections.abc import Sequence

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Partition, ProtocolRecord
from onex.contract import ResolvedNode
from onex.node import Message
from onex.schema import Codec, ProtocolSchemaCatalogue


class Outcomes:
    """Completions by order id, and dead letters by node; ``read`` takes in what has come."""

    def __init__(
        self, bus: KafkaEventBusAdapter, catalogue: ProtocolSchemaCatalogue, nodes: Sequence[ResolvedNode]
    ) -> None:
        orders = next(node for node in nodes if node.contract.name == "node_order_orchestrator")
        self._codecs = {
            topic: Codec.of_topic(model, topic, catalogue)
            for model, topic in orders.outputs.items()
            if model.__name__ in ("OrderCompleted", "OrderFailed")
        }
        self._letters = {node.contract.dead_letter_topic: node.contract.name for node in nodes}
        partitions = [
            Partition(topic, number)
            for topic, state in bus.admin.topics([*self._codecs, *self._letters]).items()
            for number in range(state.partitions)
        ]
        self._reader = bus.read(dict.fromkeys(partitions, 0))
        self.completions: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()

    def read(self) -> int:
        """How many records were new."""
        records = self._reader.batch(5000, 0.2)
        for record in records:
            self._take(record)
        return len(records)

    def _take(self, record: ProtocolRecord) -> None:
        if node := self._letters.get(record.topic()):
            self.dead_letters[node] += 1
            return
        message: Message = self._codecs[record.topic()].decode(record.value() or b"")
        self.completions[json.loads(message.model_dump_json())["order_id"]] += 1

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()
