"""Topics whose message or form the contract names: topics that exist outside of the mesh, and topics in JSON."""

from typing import Annotated, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import CLASS_SCHEMA, ClassName, Identifier, class_name_problem

LONGEST_HEADER: Final = 256
"""Longest name of a header, in characters."""
_ENGINE_HEADERS: Final = ("onex-", "__connect.", "kafka_dlt-")
"""Beginnings of the headers that the engine writes or reads itself."""
_SHORT = frozenset({"message"})
_OF_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "unknown_fields": ("json",),
    "subject": ("avro",),
    "key": ("json", "avro"),
}
"""Keys that have a meaning with some formats only."""


class ModelCorrelation(ContractPart):
    """Source of the correlation id of a record that has no ``onex-correlation-id``."""

    header: str | None = Field(default=None, min_length=1, max_length=LONGEST_HEADER)
    """Header with the id: ``x-request-id``. A value that is no id counts as absent."""
    field: Identifier | None = None
    """Field of the message with the id. Used when the header is absent."""

    @model_validator(mode="after")
    def _names_a_source(self) -> "ModelCorrelation":
        if self.header is None and self.field is None:
            raise ValueError("names no source; write header or field")
        if self.header is not None and self.header.lower().startswith(_ENGINE_HEADERS):
            raise ValueError(
                f"{self.header!r} is a header of the engine; name one that the sender of the records sets"
            )
        return self


class ModelBoundTopic(ContractPart):
    """The message of a topic, and its form: ``{message: Order, format: json, key: order_id}``."""

    message: ClassName
    """Class name of the message."""
    format: Literal["json", "avro", "bytes"] | None = None
    """Form of the values. ``json``: one JSON object. ``avro``: Avro in Confluent's wire format with any schema of a
    registry, for subscribed topics. ``bytes``: the value is the only field of the message. Default, for topics of the
    mesh: Avro with the schema of the message, and JSON is read, too."""
    key: Identifier | None = None
    """Field that is the key of the message. With it a record may have any other key, or none: state, order and
    replies follow the field. Default: the key field of the message, which the key of each record must equal."""
    subject: str | None = Field(default=None, min_length=1, max_length=512)
    """``avro``: subject of the writer's schema in the registry, which ``onex plan`` checks: ``com.shop.Order`` or
    ``shop.orders-com.shop.Order`` where subjects follow the record. Default: ``{topic}-value``."""
    unknown_fields: Literal["ignore", "refuse"] = "ignore"
    """``json``, subscribed topics: what becomes of fields that the message does not have. ``refuse``: the record
    becomes a dead letter."""
    correlation: ModelCorrelation | None = None
    """Subscribed topics: source of the correlation id. Default: the id of the message."""

    @model_validator(mode="after")
    def _has_a_format(self) -> "ModelBoundTopic":
        if self.format is None and (others := sorted(self.model_fields_set - _SHORT - {"format"})):
            raise ValueError(f"{others[0]} needs format; write format: json")
        for name, formats in _OF_FORMATS.items():
            if name in self.model_fields_set and self.format is not None and self.format not in formats:
                raise ValueError(f"{name} does not belong to format: {self.format}; remove it")
        return self

    @property
    def is_short(self) -> bool:
        """Whether only the class name of the message is declared."""
        return self.model_fields_set <= _SHORT

    @model_serializer(mode="plain")
    def _yaml(self) -> JsonValue:
        if self.is_short:
            return self.message
        values = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        correlation = self.correlation.model_dump(exclude_none=True) if self.correlation else None
        return {name: correlation if name == "correlation" else value for name, value in values.items()}


def _read(value: object) -> object:
    """Return the mapping that a class name is short for. Raise ValueError with words for its author."""
    match value:
        case ModelBoundTopic() | dict():
            return value
        case str():
            if problem := class_name_problem(value):
                raise ValueError(problem)
            return ModelBoundTopic(message=value)
    raise ValueError("is no message; write its class name, or {message: Order, format: json}")


class _OrClassName:
    """Adds the short form to the JSON Schema."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [dict(CLASS_SCHEMA), handler(schema)]}


BoundTopic = Annotated[ModelBoundTopic, BeforeValidator(_read), _OrClassName()]
"""A class name, or a mapping with the form of the topic."""
