"""Codecs of topics whose values are Avro with schemas of other writers, or bytes in no form that the mesh knows."""

import io
import json
import struct
from collections.abc import Callable
from enum import Enum
from typing import cast
from uuid import UUID

import fastavro
from pydantic import ValidationError

from onex.errors import MessageError, PoisonError, RejectedError, SchemaMismatchError
from onex.model.message import Message
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.codec import Codec
from onex.schema.foreign import AvroSchema
from onex.schema.foreign_refusal import different_place, unwritable_place
from onex.schema.json_form import json_reader
from onex.schema.record_names import record_names
from onex.schema.refusal import UNWRITABLE
from onex.schema.resolving import unwritable, writes_aliases
from onex.util.error_text import validation_text
from onex.wire import headers as h

_PREFIX = struct.Struct(">bI")
_SHORTEST = 5
"""Bytes before the body of a record in Confluent's wire format."""


class ForeignAvroCodec:
    """Reads Avro in Confluent's wire format with any schema of the catalogue, by Avro's rules of resolution.

    Writes with the schema that is the latest of the subject when :meth:`prepare` is called, or else with the first
    message.
    """

    content_type = h.AVRO

    def __init__(
        self, model: type[Message], subject: str, catalogue: ProtocolSchemaCatalogue, record: str = ""
    ) -> None:
        """``record``: full name of the record in schemas of others; empty where any name fits."""
        self.model = model
        self._record = record
        self._writer: tuple[bytes, AvroSchema] | None = None
        """First bytes of each record, and the schema of the others."""
        self._branch: AvroSchema | None = None
        """The record of the message, where the schema of the others is a union."""
        self._by_alias = False
        """Whether the schema of the others names fields by their aliases."""
        self._subject = subject
        self._catalogue = catalogue
        # No registry has the id 0: every record is read by the schema of its writer.
        self._own = Codec(model, 0, catalogue, record)
        self.read_json: Callable[[bytes], Message] = self._own.read_json

    def decode(self, value: bytes | None) -> Message:
        """Return the message. Raise PoisonError, SchemaMismatchError or RejectedError."""
        if not value:
            raise RejectedError("empty value (a tombstone has no meaning here)")
        if value[0] != 0 or len(value) < _SHORTEST:
            raise PoisonError("no Avro in Confluent wire format")
        return self._own.decode_foreign(value)

    def prepare(self) -> tuple[bytes, AvroSchema]:
        """Look up the schema to write with. Raise SchemaMismatchError, BusError."""
        versions = self._catalogue.versions([self._subject])[self._subject]
        if not versions:
            raise SchemaMismatchError(f"the registry has no subject {self._subject}; run `onex plan`")
        latest = versions[-1]
        schema = cast(AvroSchema, json.loads(latest.text))
        if problem := unwritable(schema, self.model, self._record):
            raise SchemaMismatchError(f"version {latest.version} of {self._subject}: {problem}")
        self._own.learn(latest.id, schema)
        try:
            self._by_alias = writes_aliases(schema, self.model, self._record)
        except SchemaMismatchError as error:
            raise SchemaMismatchError(f"version {latest.version} of {self._subject}: {error}") from None
        # fastavro refuses some valid defaults; writing takes no default of a field that the message has.
        parsed = cast(AvroSchema, fastavro.parse_schema(schema, _ignore_default_error=True))
        match parsed:
            case list():
                self._branch = cast(AvroSchema, parsed[record_names(parsed).index(self._record)])
        self._writer = _PREFIX.pack(0, latest.id), parsed
        return self._writer

    def encode(self, message: Message) -> bytes:
        """Return a record with the schema of the others. Raise RejectedError for a value that does not fit exactly.

        The record is read again and compared, because fastavro shortens times and converts some values.
        """
        prefix, schema = self._writer or self.prepare()
        body = io.BytesIO()
        body.write(prefix)
        datum = _datum(message.model_dump(by_alias=self._by_alias))
        try:
            # In a union, the name says which record is meant. fastavro would guess by fields.
            named = datum if self._branch is None else (self._record, datum)
            fastavro.schemaless_writer(body, schema, named, strict_allow_default=True)
        except UNWRITABLE as error:
            words = f"does not fit the schema of {self._subject}: {type(error).__name__}"
            raise self._refusal(unwritable_place(self._branch or schema, datum), words) from None
        value = body.getvalue()
        try:
            again = self._own.decode_foreign(value)
        except RejectedError as error:  # with the field
            raise self._refusal("", f"does not fit the schema of {self._subject}: {error}") from None
        except MessageError as error:
            raise self._refusal("", f"does not fit the schema of {self._subject}: {type(error).__name__}") from None
        if again == message:
            return value
        words = f"the schema of {self._subject} does not hold its value exactly"
        raise self._refusal(different_place(message, again), words)

    def _refusal(self, place: str, words: str) -> RejectedError:
        return RejectedError(f"{self.model.__name__}: {f'{place}: ' if place else ''}{words}")


def _datum(value: object) -> object:
    """Return a value as fastavro writes it."""
    match value:
        case dict():
            return {name: _datum(each) for name, each in value.items()}
        case list() | tuple():
            return [_datum(each) for each in value]
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case _:
            return value


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
