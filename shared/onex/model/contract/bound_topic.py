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
from onex.model.contract.message_type import (
    LONGEST_HEADER,
    MessageType,
    ModelMessageType,
    is_full_name,
    require_sender_header,
)
from onex.model.contract.subjects import LONGEST_SUBJECT, Subject, subject_problem, subjects_problem

_SHORT = frozenset({"message"})
_OF_SEVERAL = frozenset({"type", "other_types", "subjects"})
_MOST_MESSAGES: Final = 200
_LONGEST_TYPE: Final = 512
_OF_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "unknown_fields": ("json",),
    "subject": ("avro",),
    "subjects": ("avro",),
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
        require_sender_header(self.header)
        return self


class ModelBoundTopic(ContractPart):
    """The message of a topic, and its form: ``{message: Order, format: json, key: order_id}``."""

    message: ClassName | None = None
    """Class name of the message. Every record of the topic is one."""
    messages: dict[str, ClassName] = Field(default_factory=dict, max_length=_MOST_MESSAGES)
    """Instead of ``message``: class names of several messages, by the text that names the type in a record:
    ``{order.placed: OrderPlaced, order.paid: OrderPaid}``."""
    type: MessageType | None = None
    """With ``messages``: where a record names its type. ``{header: NAME}`` or ``{field: NAME}``. ``schema``, with
    ``avro``: the type is the full name of the record in the writer's schema, ``com.shop.OrderPlaced``."""
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
    subject: str | None = Field(default=None, min_length=1, max_length=LONGEST_SUBJECT)
    """``avro``: subject of the writer's schema in the registry, which ``onex plan`` checks: ``com.shop.Order`` or
    ``{topic}-com.shop.Order`` where subjects follow the record. With ``type: schema`` the subject of each message:
    ``"{record}"`` or ``"{topic}-{record}"``. Default: ``{topic}-value``."""
    subjects: dict[ClassName, Subject] = Field(default_factory=dict)
    """``avro``, with ``messages``: instead of ``subject`` the subject of each message, by class name. Required with
    ``type: {header: NAME}``."""
    unknown_fields: Literal["ignore", "refuse"] = "ignore"
    """``json``, subscribed topics: what becomes of fields that the message does not have. ``refuse``: the record
    becomes a dead letter."""
    tombstones: Literal["ignore", "refuse"] = "refuse"
    """Subscribed topics: what becomes of records without a value. ``ignore``: they are done as they are read.
    ``refuse``: a dead letter."""
    correlation: ModelCorrelation | None = None
    """Subscribed topics: source of the correlation id. Default: the id of the message."""

    @model_validator(mode="after")
    def _has_a_format(self) -> "ModelBoundTopic":
        if self.format is None and (others := sorted(self.model_fields_set - _SHORT - {"format"})):
            raise ValueError(f"{others[0]} needs format; write format: json")
        self._check_messages()
        self._check_subjects()
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
            raise ValueError(
                "messages need the place of their type; write type: schema, {header: NAME} or {field: NAME}"
            )
        self._check_type(self.type)
        if any(not 0 < len(text) <= _LONGEST_TYPE for text in self.messages):
            raise ValueError(f"a type in messages has 1 to {_LONGEST_TYPE} characters")
        names = [*self.messages.values()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"messages has {twice[0]} twice; keep one")

    def _check_type(self, place: ModelMessageType) -> None:
        """Raise ValueError for a place that records of this format do not have."""
        if place.field is not None and self.format != "json":
            raise ValueError("type.field belongs to format: json; write type.header")
        if not place.is_schema:
            return
        if self.format != "avro":
            raise ValueError("type: schema belongs to format: avro; write type: {header: NAME}")
        if others := [text for text in self.messages if not is_full_name(text)]:
            raise ValueError(
                f"{others[0][:300]!r} in messages is no full name of an Avro record; write one, com.shop.OrderPlaced "
                "for example, as type: schema reads it"
            )

    def _check_subjects(self) -> None:
        """Raise ValueError for subjects that are no names, or not those of the messages."""
        if self.subject is not None and self.subjects:
            raise ValueError("write either subject or subjects")
        by_schema = self.type is not None and self.type.is_schema
        for subject in filter(None, (self.subject, *self.subjects.values())):
            if problem := subject_problem(subject, by_schema):
                raise ValueError(problem)
        if self.subjects and (problem := subjects_problem(self.subjects, self.names)):
            raise ValueError(problem)
        if self.format == "avro" and self.messages and not self.subjects and not by_schema:
            raise ValueError(
                f"a header does not name the schema of a message; write subjects: {{{self.names[0]}: SUBJECT}}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Class names of all messages of the topic."""
        return (self.message,) if self.message is not None else tuple(self.messages.values())

    def type_of(self, message: str) -> str:
        """Return the text that names the type of a message in a record; empty for a topic with one message."""
        return next((text for text, name in self.messages.items() if name == message), "")

    def record_of(self, message: str) -> str:
        """Return the full name of the record of a message in schemas of others; empty where any name fits."""
        return self.type_of(message) if self.type is not None and self.type.is_schema else ""

    def subject_of(self, topic: str, message: str) -> str:
        """Return the subject with the schema of a message on a topic."""
        subject = self.subjects.get(message, self.subject or "{topic}-value")
        return subject.replace("{topic}", topic).replace("{record}", self.record_of(message))

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
        if self.correlation is not None:
            values["correlation"] = self.correlation.model_dump(exclude_none=True)
        if self.type is not None:
            values["type"] = self.type.model_dump()
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
