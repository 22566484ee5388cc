"""``names.yaml``: each ONEX name of a mixin or wrapper, its one form, and the part of the library that it maps to."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import Field, model_validator

from onex.model.contract.base import ContractPart
from onex.model.enums import EnumNodeKind

_FILE = Path(__file__).with_name("names.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class EnumNameForm(StrEnum):
    """What an ONEX name is here."""

    CAPABILITY = "capability"
    """A mixin with an engine of its own."""
    VIEW = "view"
    """A mixin with a configuration of its own, whose work the engine of another capability does."""
    FEATURE = "feature"
    """A function of the agent. Contracts may name it; there is no class."""
    CLASS = "class"
    """A class to import: a wrapper, or an adapter for applications."""
    LATER = "later"
    """Not part of this version. A contract that names it is refused."""


class OnexName(ContractPart):
    """One name."""

    name: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$")
    """Name in ONEX."""
    form: EnumNameForm
    maps_to: str = ""
    """The class with the engine (capability, view), the module of the agent that does it (feature), or the dotted
    name of the class. Empty for a later name."""
    sentence: str = Field(min_length=10, pattern=r"\.$")
    """What it is."""
    ruling: str = ""
    """Why it has this form."""
    use: str = ""
    """What to use instead of a later name."""
    kinds: tuple[EnumNodeKind, ...] = tuple(EnumNodeKind)
    """Kinds of nodes that have an always-on feature. Other forms say it themselves."""

    @property
    def key(self) -> str:
        """Its key under ``subcontracts``."""
        return key_of(self.name)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.form is EnumNameForm.LATER) == bool(self.maps_to):
            raise ValueError(f"{self.name}: a later name maps to nothing, and any other name to something")
        if self.form is not EnumNameForm.CLASS and not self.name.startswith("Mixin"):
            raise ValueError(f"{self.name}: only a class has a name that does not begin with Mixin")
        return self


def key_of(name: str) -> str:
    """Return the key of a class name: ``ip_whitelist`` of ``MixinIPWhitelist``."""
    letters = name.removeprefix("Mixin")
    parts: list[str] = []
    for index, letter in enumerate(letters):
        begins_word = letter.isupper() and (
            not letters[index - 1].isupper() or (index + 1 < len(letters) and letters[index + 1].islower())
        )
        parts.append(f"_{letter.lower()}" if index and begins_word else letter.lower())
    return "".join(parts)


def parse_names(text: str) -> Mapping[str, OnexName]:
    """Return the rows of the file by name. Raise ValueError for a row that is not valid or repeats a name."""
    rows = [OnexName.model_validate(row) for row in yaml.load(text, _LOADER)]
    names = {row.name: row for row in rows}
    if len(names) < len(rows):
        repeated = sorted({row.name for row in rows if [each.name for each in rows].count(row.name) > 1})
        raise ValueError(f"names.yaml has more than one row of {', '.join(repeated)}; each name has one form")
    return names


@cache
def onex_names() -> Mapping[str, OnexName]:
    """Return all rows, by name."""
    return parse_names(_FILE.read_text(encoding="utf-8"))
