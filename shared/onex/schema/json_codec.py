"""The codec of topics whose values are JSON, and the choice of the codec of a topic."""

from collections.abc import Callable
from typing import Literal, Protocol

from pydantic_core import PydanticSerializationError

from onex.errors import RejectedError
from onex.model.contract import ModelBoundTopic, ModelEventBus
from onex.model.message import Message
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.codec import Codec
from onex.schema.foreign_codecs import BytesCodec, ForeignAvroCodec
from onex.schema.foreign_refusal import unserializable_place
from onex.schema.json_form import json_reader
from onex.wire import headers as h


class ProtocolCodec(Protocol):
    """Reads and writes the values of one topic."""

    @property
    def model(self) -> type[Message]:
        """The messages of the topic."""
        ...

    @property
    def content_type(self) -> bytes:
        """Media type of what :meth:`encode` returns."""
        ...

    @property
    def decode(self) -> Callable[[bytes | None], Message]:
        """Return the message. Raise PoisonError, SchemaMismatchError or RejectedError."""
        ...

    @property
    def encode(self) -> Callable[[Message], bytes]:
        """Return the bytes of a message. Raise RejectedError, with the field, for a value that does not fit."""
        ...

    @property
    def read_json(self) -> Callable[[bytes], Message]:
        """Return the message in a JSON text that a person has written. Raise PoisonError or RejectedError."""
        ...


class JsonCodec:
    """Reads and writes one JSON object a record.

    A value must fit the Avro type of its field, because it travels on, and is stored, in Avro.
    """

    content_type = h.JSON

    def __init__(
        self,
        model: type[Message],
        catalogue: ProtocolSchemaCatalogue,
        unknown_fields: Literal["ignore", "refuse"] = "refuse",
    ) -> None:
        """``unknown_fields``: whether fields that the model does not have are read over, or refused."""
        self.model = model
        avro = Codec(model, 0, catalogue)
        read = json_reader(model, avro.encode, "no JSON", "ignore" if unknown_fields == "ignore" else None)
        dump, fits = model.__pydantic_serializer__.to_json, avro.encode

        def decode(value: bytes | None) -> Message:
            if not value:
                raise RejectedError("empty value (a tombstone has no meaning here)")
            return read(value)

        def encode(message: Message) -> bytes:
            fits(message)
            try:
                return dump(message, by_alias=True)
            except PydanticSerializationError as error:
                place = unserializable_place(message)
                words = f"{f'{place}: ' if place else ''}cannot be written as JSON: {type(error).__name__}"
                raise RejectedError(f"{model.__name__}: {words}") from None

        self.decode: Callable[[bytes | None], Message] = decode
        self.encode: Callable[[Message], bytes] = encode
        self.read_json: Callable[[bytes], Message] = json_reader(model, avro.encode)


def codec_of(
    event_bus: ModelEventBus | None,
    model: type[Message],
    topic: str,
    catalogue: ProtocolSchemaCatalogue,
    *,
    writes: bool = False,
) -> ProtocolCodec:
    """Return the codec of a topic in the form that a contract declares for it.

    ``writes``: look up now what writing needs. Raise SchemaMismatchError when the topic has a schema that is not
    registered, or one of others that the message does not fit.
    """
    match event_bus and event_bus.topics.get(topic):
        case ModelBoundTopic(format="json", unknown_fields=unknown_fields):
            return JsonCodec(model, catalogue, unknown_fields)
        case ModelBoundTopic(format="avro") as bound:
            name = model.__name__
            codec = ForeignAvroCodec(model, bound.subject_of(topic, name), catalogue, bound.record_of(name))
            if writes:
                codec.prepare()
            return codec
        case ModelBoundTopic(format="bytes"):
            return BytesCodec(model, catalogue)
    return Codec.of_topic(model, topic, catalogue)


__all__ = ["JsonCodec", "ProtocolCodec", "codec_of"]
