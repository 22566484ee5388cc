"""Encodes and decodes one message model. Its own schema has compiled code; fastavro reads other writers' schemas."""

import io
import struct
from collections.abc import Callable
from functools import lru_cache, partial
from types import CodeType
from typing import NoReturn, cast

import fastavro
from fastavro._read_py import schemaless_reader as read_bounded
from pydantic import ValidationError

from onex.errors import PoisonError, RejectedError, SchemaMismatchError
from onex.model.message import Message
from onex.schema.avro_schema import avro_schema, canonical
from onex.schema.catalogue import ProtocolSchemaCatalogue, subject_of
from onex.schema.codec_runtime import RUNTIME
from onex.schema.codec_source import Namespace, whole_decoder_source, whole_encoder_source
from onex.schema.foreign import AvroSchema
from onex.schema.hazards import is_recursive
from onex.schema.json_form import json_reader
from onex.schema.refusal import UNWRITABLE, reason_of
from onex.schema.resolving import resolve
from onex.util.error_text import decoding_text, validation_text
from onex.wire import headers as h

_HEADER = struct.Struct(">bI")
_UNREADABLE: tuple[type[Exception], ...] = (
    IndexError,
    ValueError,
    OverflowError,
    struct.error,
    EOFError,
    TypeError,
    KeyError,
    ArithmeticError,
    RecursionError,
)
_REFUSED = (ValidationError, *_UNREADABLE)


@lru_cache(maxsize=1000)
def _compiled(source: str, name: str) -> CodeType:
    return compile(source, f"<codec of {name}>", "exec")


@lru_cache(maxsize=1000)
def _generate(model: type[Message]) -> tuple[Namespace, str, str]:
    names = Namespace()
    return names, whole_decoder_source(model, names), whole_encoder_source(model, names)


def codec_source(model: type[Message]) -> str:
    """Return the source of a model's codec, for ``onex explain --codec``."""
    names, _, _ = _generate(model)
    bound = [f"# {name}: {getattr(item, '__qualname__', item)}" for name, item in names.objects.items()]
    return "\n\n".join(["\n".join([f"# {model.__name__}", *bound]), *names.functions])


class Codec:
    """Encodes and decodes one model in Confluent wire format (magic 0, schema id, Avro body)."""

    content_type = h.AVRO

    def __init__(
        self, model: type[Message], schema_id: int, catalogue: ProtocolSchemaCatalogue, record: str = ""
    ) -> None:
        """``record``: full name of the record that is this message where a writer's schema is a union of several."""
        self.model = model
        self._record = record
        self.schema_id = schema_id
        self.schema = avro_schema(model)
        self._catalogue = catalogue
        self._prefix = _HEADER.pack(0, schema_id)
        names, decode, encode = _generate(model)
        codec_names = {
            "PREFIX": self._prefix,
            "foreign": self._decode_other,
            "REFUSED": _REFUSED,
            "refuse": self._refuse,
            "UNWRITABLE": UNWRITABLE,
            "refuse_to_write": _refuse_to_write,
        }
        scope = RUNTIME | names.objects | codec_names
        exec(_compiled("\n".join(names.functions), model.__name__), scope)
        self.decode: Callable[[bytes | None], Message] = scope[decode]  # type: ignore[assignment]  # generated
        """Return the message. Raise PoisonError, SchemaMismatchError or RejectedError."""
        self.encode: Callable[[Message], bytes] = scope[encode]  # type: ignore[assignment]  # generated
        """Return the wire bytes of a message. Raise RejectedError, with the field, for a value that does not fit."""
        self.read_json: Callable[[bytes], Message] = json_reader(model, self.encode)
        """Return the message in a JSON text. Raise PoisonError or RejectedError."""
        self._validator = model.__pydantic_validator__
        self._foreign: dict[int, Callable[[io.BytesIO], object]] = {}
        """Reader of a record's body, by the id of its schema."""

    @classmethod
    def of_topic(cls, model: type[Message], topic: str, catalogue: ProtocolSchemaCatalogue) -> "Codec":
        """Return the codec for the values of a topic. Raise SchemaMismatchError if its schema is not registered."""
        return cls(model, catalogue.id_of(subject_of(topic), avro_schema(model)), catalogue)

    def _refuse(self, error: Exception) -> NoReturn:
        if isinstance(error, ValidationError):
            raise RejectedError(validation_text(error, self.model)) from None
        raise PoisonError(f"not Avro of {self.model.__name__}: {decoding_text(error)}") from None

    def _decode_other(self, value: bytes | None) -> Message:
        if not value:
            raise RejectedError("empty value (a tombstone has no meaning here)")
        if value[0] == 0 and len(value) >= _HEADER.size:
            return self.decode_foreign(value)
        return self.read_json(value)

    def decode_foreign(self, value: bytes) -> Message:
        """Return the message in a record with another schema, resolved with ours ("Schema Resolution" of Avro).

        The value begins with a zero byte and the id of the schema. Raise PoisonError, SchemaMismatchError or
        RejectedError.
        """
        _, schema_id = _HEADER.unpack_from(value)
        read = self._foreign.get(schema_id)
        if read is None:
            schema = self._catalogue.schema_of(schema_id)
            if canonical(schema) == canonical(self.schema):
                return self.decode(self._prefix + value[5:])
            read = self._foreign[schema_id] = self._resolve(schema_id, cast(AvroSchema, schema))
        stream = io.BytesIO(value)
        stream.seek(_HEADER.size)
        try:
            data = read(stream)
        except fastavro.read.SchemaResolutionError as error:
            raise SchemaMismatchError(
                f"schema {schema_id} does not resolve to {self.model.__name__}: {error}"
            ) from None
        except _UNREADABLE as error:
            raise PoisonError(f"not Avro of schema {schema_id}: {decoding_text(error)}") from None
        if stream.read(1):
            raise PoisonError(f"bytes are left after a record of schema {schema_id}")
        try:
            message: Message = self._validator.validate_python(data)
        except ValidationError as error:
            raise RejectedError(validation_text(error, self.model)) from None
        return message

    def learn(self, schema_id: int, schema: AvroSchema) -> None:
        """Resolve a schema now, so that its records need no look-up. Raise SchemaMismatchError."""
        self._foreign[schema_id] = self._resolve(schema_id, schema)

    def _resolve(self, schema_id: int, writer: AvroSchema) -> Callable[[io.BytesIO], object]:
        try:
            bounded = is_recursive(writer)
            written, read = resolve(writer, self.model, cast(AvroSchema, self.schema), record=self._record)
        except SchemaMismatchError as error:
            raise SchemaMismatchError(f"schema {schema_id}: {error}") from None
        # A deep record in the compiled reader would end the process; the other one raises RecursionError.
        reader = read_bounded if bounded else fastavro.schemaless_reader
        return partial(reader, writer_schema=written, reader_schema=read)


def message_in_json(model: type[Message], text: str) -> Message:
    """Return the message in a JSON text, without a catalogue. Raise PoisonError, or RejectedError with the field."""
    names = Namespace()
    encode = whole_encoder_source(model, names)
    scope = RUNTIME | names.objects | {"PREFIX": b"", "UNWRITABLE": UNWRITABLE, "refuse_to_write": _refuse_to_write}
    exec(_compiled("\n".join(names.functions), model.__name__), scope)
    return json_reader(model, scope[encode])(text.encode())  # type: ignore[arg-type]  # generated


def _refuse_to_write(message: Message, error: Exception) -> NoReturn:
    raise RejectedError(reason_of(message, error)) from None


__all__ = ["Codec", "codec_source", "message_in_json"]
