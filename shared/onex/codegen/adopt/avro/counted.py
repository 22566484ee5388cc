"""Counts in how many of the sampled records each field has a value."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from onex.codegen.adopt.types import Choice, Digits, Inferred, Listed, Mapped, Model, Plain
from onex.codegen.adopt.values import Object, Value


def counted(model: Model, records: Sequence[Object]) -> Model:
    """Return the model with the numbers of its fields."""
    counts = _Counts()
    for data in records:
        counts.add(model, data)
    return counts.model(model)


class _Counts:
    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()
        self._of: Counter[str] = Counter()
        self._made: dict[str, Model] = {}

    def add(self, kind: Inferred, value: Value) -> None:
        """Count the fields in a value."""
        match kind, value:
            case Model(name, fields), dict():
                self._of[name] += 1
                for field in fields:
                    inner = value.get(field.json)
                    self._seen[name, field.json] += inner is not None
                    self.add(field.type, inner)
            case Listed(item), list():
                for each in value:
                    self.add(item, each)
            case Mapped(item), dict():
                for each in value.values():
                    self.add(item, each)

    def model(self, model: Model) -> Model:
        """Return a model with its numbers."""
        if (made := self._made.get(model.name)) is None:
            of = self._of[model.name]
            fields = tuple(
                replace(field, type=self._type(field.type), seen=self._seen[model.name, field.json], of=of)
                for field in model.fields
            )
            made = self._made[model.name] = replace(model, fields=fields)
        return made

    def _type(self, kind: Inferred) -> Inferred:
        match kind:
            case Model():
                return self.model(kind)
            case Listed(item, nullable):
                return Listed(self._type(item), nullable)
            case Mapped(item, nullable):
                return Mapped(self._type(item), nullable)
            case Plain() | Digits() | Choice():
                return kind
