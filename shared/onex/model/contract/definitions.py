"""Message types in the contract: names, keys and typed fields."""

from pydantic import Field, field_validator, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.field_type import PLAIN_TYPES, canonical_type, field_type_names, to_annotation
from onex.model.contract.identifiers import LONGEST_IDENTIFIER, class_name_problem, identifier_problem
from onex.model.message import Message
from onex.util.partition_key import KEY_TYPES, key_problem

_OF_MESSAGES = frozenset(name for name in vars(Message) if not name.startswith("_"))


class ModelMessageDefinition(ContractPart):
    """A message type. ``fields`` maps names to Python types: ``list[str]``, ``int | None``."""

    description: str = ""
    """Docstring of the class."""
    key: str | None = None
    """Field whose value decides the partition. None for messages that use the reply key."""
    fields: dict[str, str] = Field(min_length=1)
    """Type by field name, as Python writes it: ``str``, ``list[int]``, ``datetime | None``, another message."""

    @field_validator("fields")
    @classmethod
    def _fields_are_canonical(cls, fields: dict[str, str]) -> dict[str, str]:
        problems = [problem for name in fields if (problem := field_problem(name))]
        canonical: dict[str, str] = {}
        for name, text in fields.items():
            try:
                canonical[name] = canonical_type(text)
            except ValueError as error:
                problems.append(f"{name[:LONGEST_IDENTIFIER]}: {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return canonical

    @model_validator(mode="after")
    def _key_is_sound(self) -> "ModelMessageDefinition":
        problems: list[str] = []
        if self.key is not None and self.key not in self.fields:
            problems.append(f"key {self.key!r} is not a field")
        if not problems and self.key is not None and (reason := _key_problem(self.fields[self.key])):
            problems.append(f"key {self.key!r}: {reason}; write {KEY_TYPES}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def field_problem(name: str) -> str:
    """Return why a text cannot be the name of a field. Empty when it can."""
    if problem := identifier_problem(name):
        return problem
    if name in _OF_MESSAGES or (name.startswith("model_") and hasattr(Message, name)):
        return f"{name!r} belongs to every message; give the field another name"
    return ""


def _key_problem(text: str) -> str:
    if models := field_type_names(text):
        return f"{', '.join(models)} has no canonical text"
    return key_problem(to_annotation(text, {}))


class ModelDefinitions(ContractPart):
    """All messages of a node, and the name of its state (REDUCER)."""

    models: dict[str, ModelMessageDefinition] = Field(min_length=1)
    """Messages by class name."""
    state: str | None = None
    """Class name of the keyed state."""

    @model_validator(mode="after")
    def _names_are_known(self) -> "ModelDefinitions":
        problems = [problem for name in self.models if (problem := class_name_problem(name))]
        problems += [
            f"{name!r} is the name of a type; give the message another name"
            for name in PLAIN_TYPES
            if name in self.models
        ]
        if self.state is not None and self.state not in self.models:
            problems.append(f"state {self.state!r} is not among the models")
        for name, definition in self.models.items():
            used = {part for text in definition.fields.values() for part in field_type_names(text)}
            problems += [f"{name} uses unknown type {part}" for part in sorted(used - set(self.models))]
        if problems:
            raise ValueError("; ".join(problems))
        return self
