"""Follows the messages on the topics of a set of nodes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onex.bus.protocols import ProtocolEventBus, ProtocolReader, ProtocolRecord
from onex.bus.topics import all_partitions, require_topics
from onex.contract import ResolvedNode
from onex.errors import MessageError
from onex.model.message import Message
from onex.schema import ProtocolSchemaCatalogue, TopicCodecs
from onex.wire import headers as h
from onex.wire.dead_letter import CLASS, MESSAGE, NODE
from onex.wire.foreign_headers import headers_of

_LONGEST = 70


@dataclass(frozen=True, slots=True)
class Seen:
    """A record, and its message if it could be decoded."""

    record: ProtocolRecord
    type_name: str
    source: str
    correlation_id: str
    message: Message | None
    detail: str


class Follower:
    """Reads every topic of the nodes from its current end, its beginning, or a time."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        nodes: Sequence[ResolvedNode],
        *,
        from_beginning: bool = False,
        since_ms: int | None = None,
    ) -> None:
        self._codecs: dict[str, TopicCodecs] = {}
        for node in nodes:
            carried: dict[str, list[type[Message]]] = {}
            for topic, model in [
                *((route.topic, route.model) for route in node.all_routes),
                *((topic, model) for model, topic in node.outputs.items()),
            ]:
                carried.setdefault(topic, []).append(model)
            for topic, models in carried.items():
                if topic not in self._codecs:
                    self._codecs[topic] = TopicCodecs(node.contract.event_bus, models, topic, catalogue)
        topics = [*self._codecs, *{node.contract.dead_letter_topic for node in nodes}]
        partitions = all_partitions(require_topics(bus.admin, topics).values())
        ends = bus.admin.ends(partitions)
        starts = {partition: first if from_beginning else last for partition, (first, last) in ends.items()}
        if since_ms is not None:
            starts = dict(bus.admin.offsets_at(partitions, since_ms))
        self._reader: ProtocolReader = bus.read(starts)

    def poll(self, timeout: float) -> Iterator[Seen]:
        """Yield the records that arrive within ``timeout`` seconds."""
        for record in self._reader.batch(500, timeout):
            yield self._see(record)

    def present(self) -> Iterator[Seen]:
        """Yield all records up to the end at the time of opening."""
        for record in self._reader.until_end():
            yield self._see(record)

    def _see(self, record: ProtocolRecord) -> Seen:
        raw = headers_of(record)
        headers = {name: value.decode(errors="backslashreplace") for name, value in raw.items()}
        correlation = headers.get(h.CORRELATION) or headers.get(h.ID, "")
        source = headers.get(h.SOURCE, "").strip("/").split("/")
        name = source[1] if len(source) > 1 else ""
        codecs = self._codecs.get(record.topic())
        if codecs is None:
            detail = f"{headers.get(CLASS, '')}: {headers.get(MESSAGE, '')}"
            return Seen(record, "dead letter", headers.get(NODE, ""), correlation, None, detail)
        codec = codecs.first
        try:
            codec = codecs.of(raw, record.value())
            message = codec.decode(record.value())
        except MessageError as error:
            return Seen(record, codec.model.__name__, name, correlation, None, f"unreadable: {error}")
        return Seen(record, codec.model.__name__, name, correlation, message, brief(message))

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()


def brief(message: Message) -> str:
    """Return a message as one line: its fields in order, with long values shortened."""
    return "  ".join(f"{name}={_cut(value)}" for name, value in message.model_dump(mode="json").items())


def _cut(value: object) -> str:
    match value:
        case dict() if len(value) > 2:
            return f"{{{len(value)} entries}}"
        case list() if len(value) > 4:
            return f"[{len(value)} items]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
