"""Finds the type of a record on a topic with several messages."""

import struct
from collections.abc import Callable
from typing import Final

from pydantic_core import from_json

from onex.errors import PoisonError, RejectedError
from onex.model.contract import ModelBoundTopic
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.record_names import branch_of, record_names

TypeOf = Callable[[Callable[[str], bytes], bytes | None], str]
"""Takes a function that returns a header, empty for none, and the value. Raises PoisonError, RejectedError, and for
types by schema SchemaMismatchError or BusError."""
_PREFIX: Final = struct.Struct(">bI")
_EMPTY = "empty value (a tombstone has no meaning here)"


def type_reader(bound: ModelBoundTopic, catalogue: ProtocolSchemaCatalogue) -> TypeOf | None:
    """Return the function that finds the type of a record; None for a topic with one message."""
    match bound.type:
        case None:
            return None
        case place if place.is_schema:
            return _in_schema(catalogue)
        case place if place.header is not None:
            return _in_header(place.header)
        case place:
            return _in_field(place.field or "")


def _in_header(header: str) -> TypeOf:
    def type_of(header_of: Callable[[str], bytes], _: bytes | None) -> str:
        raw = header_of(header)
        if not raw:
            raise RejectedError(f"the record has no header {header!r}, which names its type")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise RejectedError(f"the header {header!r} is not UTF-8") from None

    return type_of


def _in_field(field: str) -> TypeOf:
    def type_of(_: Callable[[str], bytes], value: bytes | None) -> str:
        if not value:
            raise RejectedError(_EMPTY)
        try:
            data: object = from_json(value)
        except ValueError:
            raise PoisonError("no JSON") from None
        match data:
            case dict():
                match data.get(field):
                    case str(text):
                        return text
        raise RejectedError(f"the record has no text in {field}, which names its type")

    return type_of


def _in_schema(catalogue: ProtocolSchemaCatalogue) -> TypeOf:
    """Return the function that looks at the schema of the writer. Of a union the value names the branch."""
    names: dict[int, str] = {}
    unions: dict[int, tuple[str, ...]] = {}

    def type_of(_: Callable[[str], bytes], value: bytes | None) -> str:
        if not value:
            raise RejectedError(_EMPTY)
        if value[0] != 0 or len(value) < _PREFIX.size:
            raise PoisonError("no Avro in Confluent wire format")
        _magic, schema_id = _PREFIX.unpack_from(value)
        if (name := names.get(schema_id)) is not None:
            return name
        if (branches := unions.get(schema_id)) is None:
            match catalogue.schema_of(schema_id):
                case list(schemas):
                    branches = unions[schema_id] = record_names(schemas)
                case schema:
                    (name,) = record_names(schema)
                    names[schema_id] = name
                    return name
        branch = branch_of(value, _PREFIX.size)
        if not 0 <= branch < len(branches):
            raise PoisonError(f"the union of schema {schema_id} has no branch {branch}")
        return branches[branch]

    return type_of
