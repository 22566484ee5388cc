"""Reads and writes what operators order about the intake of nodes: a compacted topic with one order for each node."""

from collections.abc import Mapping
from time import monotonic

from onex.bus.protocols import Outgoing, Partition, ProtocolEventBus, ProtocolRecord
from onex.bus.topics import all_partitions, require_topic
from onex.errors import BusError, MessageError
from onex.model.mesh import INTAKE_TOPICS, IntakeOrdered
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.codec import Codec
from onex.wire.cloudevents import first_headers
from onex.wire.skipped import SkippedRecords

_LOOK_EVERY = 10.0
"""Seconds between two requests for the partitions of the topic."""


class IntakeOrders:
    """The orders of one environment. ``refresh`` reads those that were added since. Any client may write records."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        env: str,
        prefix: str = "",
        *,
        only: str | None = None,
    ) -> None:
        """``prefix``: the setting ``topic_prefix``. ``only``: the node whose orders are read, None for all."""
        self._bus = bus
        self._catalogue = catalogue
        self._env = env
        self._only = None if only is None else only.encode()
        self.topic = prefix + INTAKE_TOPICS[IntakeOrdered]
        self._codec: Codec | None = None
        self._partitions: list[Partition] = []
        self._looked_at = 0.0
        self._next: dict[Partition, int] = {}
        self._pauses: dict[str, IntakeOrdered] = {}
        self._skipped = SkippedRecords()

    def refresh(self) -> Mapping[str, IntakeOrdered]:
        """Return the pauses that hold, by node. A mesh without the topic has none.

        Raise BusError, and SchemaMismatchError when the topic's schema is not registered.
        """
        ends = self._ends()
        if any(end < self._next.get(partition, 0) for partition, end in ends.items()):
            self._next.clear()  # the topic was created again
            self._pauses.clear()
        if behind := [p for p, end in ends.items() if self._next.get(p, 0) < end]:
            firsts = self._bus.admin.ends(behind)
            self._read({p: max(firsts[p][0], self._next.get(p, 0)) for p in behind})
            self._next |= {partition: ends[partition] for partition in behind}
        return dict(self._pauses)

    def record_of(self, order: IntakeOrdered) -> Outgoing:
        """Return the record of an order. Raise MissingTopicError without the topic, and as :meth:`refresh`."""
        require_topic(self._bus.admin, self.topic)
        headers = first_headers(self.topic, b"/onex/intake", f"{order.node}/{order.at.timestamp()}")
        return Outgoing(self.topic, self._codec_now().encode(order), order.partition_key(), headers)

    def _ends(self) -> Mapping[Partition, int]:
        """Return the ends of committed records. It is one request: each agent makes it every second."""
        now = monotonic()
        if not self._partitions or now - self._looked_at >= _LOOK_EVERY:
            self._partitions = all_partitions(self._bus.admin.topics([self.topic]).values())
            self._looked_at = now
        try:
            return self._bus.admin.stable_ends(self._partitions) if self._partitions else {}
        except BusError:
            self._partitions = []  # the topic may be gone
            raise

    def _read(self, start: Mapping[Partition, int]) -> None:
        codec = self._codec_now()
        reader = self._bus.read(start)
        try:
            for record in reader.until_end():
                if self._only is None or record.key() == self._only:
                    self._take(record, codec)
        finally:
            reader.close()

    def _take(self, record: ProtocolRecord, codec: Codec) -> None:
        """Follow an order. One with another key than its node would outlast compaction next to the node's own."""
        try:
            message = codec.decode(record.value())
        except MessageError as error:
            self._skipped.skip(record, error)
            return
        match message:
            case IntakeOrdered(env=self._env) if message.partition_key() == record.key():
                if message.paused:
                    self._pauses[message.node] = message
                else:
                    self._pauses.pop(message.node, None)

    def _codec_now(self) -> Codec:
        if self._codec is None:
            self._codec = Codec.of_topic(IntakeOrdered, self.topic, self._catalogue)
        return self._codec
