"""Reads and writes what operators order about the intake of nodes: a compacted topic with one order for each node."""

from collections.abc import Mapping

from onex.bus.protocols import Outgoing, Partition, ProtocolEventBus
from onex.bus.topics import all_partitions
from onex.errors import MessageError
from onex.model.mesh import INTAKE_TOPICS, IntakeOrdered
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.codec import Codec
from onex.wire.cloudevents import first_headers
from onex.wire.skipped import SkippedRecords


class IntakeOrders:
    """The orders of one environment. ``refresh`` reads those that were added since."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, env: str, prefix: str = "") -> None:
        """``prefix``: the setting ``topic_prefix``."""
        self._bus = bus
        self._catalogue = catalogue
        self._env = env
        self.topic = prefix + INTAKE_TOPICS[IntakeOrdered]
        self._codec: Codec | None = None
        self._next: dict[Partition, int] = {}
        self._latest: dict[str, IntakeOrdered] = {}
        self._skipped = SkippedRecords()

    def refresh(self) -> Mapping[str, IntakeOrdered]:
        """Return the pauses that hold, by node. A mesh without the topic has none.

        Raise BusError, and SchemaMismatchError when the topic's schema is not registered.
        """
        partitions = all_partitions(self._bus.admin.topics([self.topic]).values())
        ends = self._bus.admin.ends(partitions) if partitions else {}
        behind = {
            p: max(first, self._next.get(p, 0)) for p, (first, end) in ends.items() if self._next.get(p, 0) < end
        }
        if behind:
            self._read(behind)
            self._next |= {partition: ends[partition][1] for partition in behind}
        return {node: order for node, order in self._latest.items() if order.paused}

    def order(self, order: IntakeOrdered) -> None:
        """Write an order; return when the brokers have acknowledged it. Raise as :meth:`refresh`."""
        headers = first_headers(self.topic, b"/onex/intake", f"{order.node}/{order.at.timestamp()}")
        self._bus.publish(Outgoing(self.topic, self._codec_now().encode(order), order.partition_key(), headers))

    def _read(self, start: Mapping[Partition, int]) -> None:
        codec = self._codec_now()
        reader = self._bus.read(start)
        try:
            for record in reader.until_end():
                try:
                    message = codec.decode(record.value())
                except MessageError as error:
                    self._skipped.skip(record, error)
                    continue
                match message:
                    case IntakeOrdered(env=self._env):
                        self._latest[message.node] = message
        finally:
            reader.close()

    def _codec_now(self) -> Codec:
        if self._codec is None:
            self._codec = Codec.of_topic(IntakeOrdered, self.topic, self._catalogue)
        return self._codec
