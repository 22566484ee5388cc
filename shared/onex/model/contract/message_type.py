"""Where the records of a topic with several messages name their type."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, JsonValue, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import Identifier

LONGEST_HEADER: Final = 256
"""Longest name of a header, in characters."""
_ENGINE_HEADERS: Final = ("onex-", "__connect.", "kafka_dlt-")
"""Beginnings of the headers that the engine writes or reads itself."""
_BY_SCHEMA: Final = "schema"
_PLACES: Final = frozenset({"header", "field"})
_EITHER: Final = "write either header or field"
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
"""Names of records: Avro 1.11, "Names"."""


def require_sender_header(header: str | None) -> None:
    """Raise ValueError for a header that the engine writes or reads itself."""
    if header is not None and header.lower().startswith(_ENGINE_HEADERS):
        raise ValueError(f"{header!r} is a header of the engine; name one that the sender of the records sets")


class ModelMessageType(ContractPart):
    """Where the records of a topic with several messages name their type: a header, a field, or else their schema."""

    header: str | None = Field(default=None, min_length=1, max_length=LONGEST_HEADER)
    """Header with the type, in UTF-8."""
    field: Identifier | None = None
    """``json``: field of the object with the type, a text. The messages may have it or not."""

    @model_validator(mode="after")
    def _names_one_place(self) -> "ModelMessageType":
        if self.header is not None and self.field is not None:
            raise ValueError(_EITHER)
        require_sender_header(self.header)
        return self

    @property
    def is_schema(self) -> bool:
        """Whether the type is the full name of the record in the writer's schema: ``type: schema``."""
        return self.header is None and self.field is None

    @model_serializer(mode="plain")
    def _yaml(self) -> JsonValue:
        if self.is_schema:
            return _BY_SCHEMA
        return {"field": self.field} if self.header is None else {"header": self.header}


def is_full_name(text: str) -> bool:
    """Return whether a text can be the full name of an Avro record."""
    return _FULL_NAME.fullmatch(text) is not None


def _read(value: object) -> object:
    """Return the place that a word is short for. Raise ValueError with words for its author."""
    match value:
        case dict() if value.get("header") is None and value.get("field") is None and value.keys() <= _PLACES:
            raise ValueError(_EITHER)
        case ModelMessageType() | dict():
            return value
        case str() if value == _BY_SCHEMA:
            return ModelMessageType()
    raise ValueError("is no place of a type; write schema, {header: NAME} or {field: NAME}")


class _OrSchema:
    """Adds the short form to the JSON Schema."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"const": _BY_SCHEMA}, handler(schema)]}


MessageType = Annotated[ModelMessageType, BeforeValidator(_read), _OrSchema()]
"""``schema``, or a mapping with a header or a field."""
