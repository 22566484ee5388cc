"""Message types in the contract itself: names, keys and typed fields."""

from pydantic import Field, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.field_type import field_type_names, to_annotation
from onex.model.partition_key import KEY_TYPES, key_problem


class ModelMessageDefinition(ContractPart):
    """One message type. ``fields`` maps names to types as Python writes them: ``list[str]``, ``int | None``."""

    description: str = ""
    """Docstring of the class."""
    key: str | None = None
    """Field that partitions go by; none for messages that go by reply key."""
    fields: dict[str, str] = Field(min_length=1)
    """Type by field name, as Python writes it: ``str``, ``list[int]``, ``datetime | None``, another message."""

    @model_validator(mode="after")
    def _is_sound(self) -> "ModelMessageDefinition":
        problems = [f"{name!r} is no field name" for name in self.fields if not name.isidentifier()]
        if self.key is not None and self.key not in self.fields:
            problems.append(f"key {self.key!r} is not a field")
        for name, text in self.fields.items():
            try:
                field_type_names(text)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if not problems and self.key is not None and (reason := _key_problem(self.fields[self.key])):
            problems.append(f"key {self.key!r}: {reason}; write {KEY_TYPES}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _key_problem(text: str) -> str:
    if models := field_type_names(text):
        return f"{', '.join(models)} has no canonical text"
    return key_problem(to_annotation(text, {}))


class ModelDefinitions(ContractPart):
    """All messages of a node, and which of them is its state (REDUCER)."""

    models: dict[str, ModelMessageDefinition] = Field(min_length=1)
    """Messages by class name."""
    state: str | None = None
    """Class name of the keyed state."""

    @model_validator(mode="after")
    def _names_are_known(self) -> "ModelDefinitions":
        problems = [f"{name!r} is no class name" for name in self.models if not name[:1].isupper()]
        if self.state is not None and self.state not in self.models:
            problems.append(f"state {self.state!r} is not among the models")
        for name, definition in self.models.items():
            used = {part for text in definition.fields.values() for part in field_type_names(text)}
            problems += [f"{name} uses unknown type {part}" for part in sorted(used - set(self.models))]
        if problems:
            raise ValueError("; ".join(problems))
        return self
