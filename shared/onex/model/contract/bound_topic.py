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
_OF_SEVERAL = frozenset({"type", "other_types"})
_MOST_MESSAGES: Final = 200
_LONGEST_TYPE: Final = 512
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


class ModelMessageType(ContractPart):
    """Where the records of a topic with several messages name their type: a header or a field."""

    header: str | None = Field(default=None, min_length=1, max_length=LONGEST_HEADER)
    """Header with the type, in UTF-8."""
    field: Identifier | None = None
    """``json``: field of the object with the type, a text. The messages may have it or not."""

    @model_validator(mode="after")
    def _names_one_place(self) -> "ModelMessageType":
        if (self.header is None) == (self.field is None):
            raise ValueError("write either header or field")
        if self.header is not None and self.header.lower().startswith(_ENGINE_HEADERS):
            raise ValueError(
                f"{self.header!r} is a header of the engine; name one that the sender of the records sets"
            )
        return self


class ModelBoundTopic(ContractPart):
    """The message of a topic, and its form: ``{message: Order, format: json, key: order_id}``."""

    message: ClassName | None = None
    """Class name of the message. Every record of the topic is one."""
    messages: dict[str, ClassName] = Field(default_factory=dict, max_length=_MOST_MESSAGES)
    """Instead of ``message``: class names of several messages, by the text that names the type in a record:
    ``{order.placed: OrderPlaced, order.paid: OrderPaid}``."""
    type: ModelMessageType | None = None
    """With ``messages``: where a record names its type."""
    other_types: Literal["ignore", "refuse"] = "refuse"
    """With ``messages``, subscribed topics: what becomes of records of a type that is not listed. ``refuse``: a dead
    letter."""
    format: Literal["json", "avro", "bytes"] | None = None
    """Form of the values. ``json``: one JSON object. ``avro``: Avro in Confluent's wire format, read with any schema
    of a registry, and written with the latest one of ``subject``. ``bytes``: the value is the only field of the
    message. Default, for topics of the mesh: Avro with the schema of the message, and JSON is read, too."""
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
        self._check_messages()
        for name, formats in _OF_FORMATS.items():
            if name in self.model_fields_set and self.format is not None and self.format not in formats:
                raise ValueError(f"{name} does not belong to format: {self.format}; remove it")
        return self

    def _check_messages(self) -> None:
        """Raise ValueError unless either one message is named, or several with the place of their type."""
        if (self.message is None) == (not self.messages):
            raise ValueError("names no message; write either message or messages")
        if self.message is not None:
            if others := sorted(self.model_fields_set & _OF_SEVERAL):
                raise ValueError(f"{others[0]} belongs to messages; remove it")
            return
        if self.type is None:
            raise ValueError("messages need the place of their type; write type: {header: NAME} or {field: NAME}")
        if self.format == "avro":
            raise ValueError("several messages are told apart in json and bytes only; give each Avro type a topic")
        if self.type.field is not None and self.format != "json":
            raise ValueError("type.field belongs to format: json; write type.header")
        if any(not 0 < len(text) <= _LONGEST_TYPE for text in self.messages):
            raise ValueError(f"a type in messages has 1 to {_LONGEST_TYPE} characters")
        names = [*self.messages.values()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"messages has {twice[0]} twice; keep one")

    @property
    def names(self) -> tuple[str, ...]:
        """Class names of all messages of the topic."""
        return (self.message,) if self.message is not None else tuple(self.messages.values())

    def type_of(self, message: str) -> str:
        """Return the text that names the type of a message in a record; empty for a topic with one message."""
        return next((text for text, name in self.messages.items() if name == message), "")

    def type_headers(self, message: str) -> list[tuple[str, bytes]]:
        """Return the header that names the type of a message; none for other topics."""
        if self.type is None or self.type.header is None:
            return []
        return [(self.type.header, self.type_of(message).encode())]

    @property
    def is_short(self) -> bool:
        """Whether only the class name of the message is declared."""
        return self.model_fields_set <= _SHORT

    @model_serializer(mode="plain")
    def _yaml(self) -> JsonValue:
        if self.is_short:
            return self.message
        values = {name: getattr(self, name) for name in ModelBoundTopic.model_fields if name in self.model_fields_set}
        for name, part in (("correlation", self.correlation), ("type", self.type)):
            if part is not None:
                values[name] = part.model_dump(exclude_none=True)
        return values


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
