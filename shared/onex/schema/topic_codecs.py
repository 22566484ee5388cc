"""The codecs of all messages of one topic, for tools that read single records."""

from collections.abc import Mapping, Sequence

from onex.errors import RejectedError
from onex.model.contract import ModelEventBus
from onex.model.message import Message
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.json_codec import ProtocolCodec, codec_of
from onex.schema.message_types import type_reader


class UnlistedTypeError(RejectedError):
    """The type of a record is none that the contract lists for its topic."""


class TopicCodecs:
    """Selects the codec of a record: that of its type, on a topic with several messages."""

    def __init__(
        self,
        event_bus: ModelEventBus | None,
        models: Sequence[type[Message]],
        topic: str,
        catalogue: ProtocolSchemaCatalogue,
    ) -> None:
        """``models``: at least one. Raise SchemaMismatchError when the topic has a schema that is not registered."""
        bound = None if event_bus is None else event_bus.topics.get(topic)
        self._type_of = None if bound is None else type_reader(bound, catalogue)
        self._named = {model.__name__: model for model in models}
        self._codecs = {
            "" if bound is None else bound.type_of(model.__name__): codec_of(event_bus, model, topic, catalogue)
            for model in models
        }
        self.first = next(iter(self._codecs.values()))
        """The codec of the first message; of the only one, on most topics."""

    def of(self, headers: Mapping[str, bytes], value: bytes | None) -> ProtocolCodec:
        """Return the codec of a record. Raise PoisonError or RejectedError for one without a listed type."""
        if self._type_of is None:
            return self.first
        codec = self._codecs.get(self._type_of(lambda name: headers.get(name, b""), value))
        if codec is None:
            raise UnlistedTypeError("the type of the record is not listed")
        return codec

    def named(self, name: str) -> type[Message] | None:
        """Return the message of the topic with a class name; None for any other."""
        return self._named.get(name)
