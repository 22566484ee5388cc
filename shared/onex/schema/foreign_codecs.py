"""Codecs of topics whose values are Avro with schemas of other writers, or bytes in no form that the mesh knows."""

from collections.abc import Callable

from pydantic import ValidationError

from onex.errors import PoisonError, RejectedError
from onex.model.message import Message
from onex.schema.avro_schema import avro_schema
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.codec import Codec
from onex.schema.json_form import json_reader
from onex.util.error_text import validation_text
from onex.wire import headers as h

_SHORTEST = 5
"""Bytes before the body of a record in Confluent's wire format."""


class ForeignAvroCodec:
    """Reads Avro in Confluent's wire format with any schema of the catalogue, by Avro's rules of resolution."""

    content_type = h.AVRO

    def __init__(self, model: type[Message], subject: str, catalogue: ProtocolSchemaCatalogue) -> None:
        self.model = model
        self._subject = subject
        self._catalogue = catalogue
        # No registry has the id 0: every record is read by the schema of its writer.
        self._own = Codec(model, 0, catalogue)
        self.read_json: Callable[[bytes], Message] = self._own.read_json

    def decode(self, value: bytes | None) -> Message:
        """Return the message. Raise PoisonError, SchemaMismatchError or RejectedError."""
        if not value:
            raise RejectedError("empty value (a tombstone has no meaning here)")
        if value[0] != 0 or len(value) < _SHORTEST:
            raise PoisonError("no Avro in Confluent wire format")
        return self._own.decode_foreign(value)

    def encode(self, message: Message) -> bytes:
        """Return a record with our own schema, for tests and tools. Raise SchemaMismatchError, RejectedError.

        The subject must have that schema: stand-ins of foreign topics have it.
        """
        schema_id = self._catalogue.id_of(self._subject, avro_schema(self.model))
        return Codec(self.model, schema_id, self._catalogue).encode(message)


class BytesCodec:
    """Puts the whole value into the only field of a message."""

    content_type = h.BYTES

    def __init__(self, model: type[Message], catalogue: ProtocolSchemaCatalogue) -> None:
        (name,) = model.model_fields
        validate = model.__pydantic_validator__.validate_python

        def decode(value: bytes | None) -> Message:
            if value is None:
                raise RejectedError("no value (a tombstone has no meaning here)")
            try:
                message: Message = validate({name: value})
            except ValidationError as error:
                raise RejectedError(validation_text(error, model)) from None
            return message

        def encode(message: Message) -> bytes:
            value = message.__dict__[name]
            if type(value) is not bytes:
                raise RejectedError(f"{model.__name__}: {name}: {type(value).__name__} is no bytes")
            return value

        self.model = model
        self.decode: Callable[[bytes | None], Message] = decode
        self.encode: Callable[[Message], bytes] = encode
        self.read_json: Callable[[bytes], Message] = json_reader(model, Codec(model, 0, catalogue).encode)
