"""Features: ONEX names of what the agent itself does. They have no class to compose.

A contract names a feature under ``mixins`` or ``subcontracts``. The agent gets its configuration, if it has one, in
:attr:`onex.contract.ResolvedNode.features`, and enforces every field.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from onex.capability.metadata import load_metadata
from onex.capability.mixin import Subcontract
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

S = TypeVar("S", bound=Subcontract)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field of a feature's configuration that the node cannot have."""

    field: str
    """Name of the field. Empty for the feature as a whole."""
    message: str
    remedy: str


Check = Callable[[Subcontract, ModelContract], Iterable[Refusal]]
"""Returns the fields that do not fit a contract."""


def _fits(_: Subcontract, __: ModelContract) -> Iterable[Refusal]:
    return ()


@dataclass(frozen=True, slots=True)
class Feature:
    """A function of the agent, under its ONEX name."""

    name: str
    """Name in ``mixins`` of a contract."""
    key: str
    """Key in ``subcontracts`` of a contract."""
    summary: str
    kinds: tuple[EnumNodeKind, ...] = tuple(EnumNodeKind)
    subcontract: type[Subcontract] | None = None
    """Model of its configuration. None for a feature that is always on and has nothing to configure."""
    check: Check = _fits
    """Called with a valid configuration."""
    always_on: bool = True
    """Whether every agent has it, so that ``enabled: false`` is refused. A contract switches others on."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features that a contract names, with their configuration."""

    names: frozenset[str] = frozenset()
    configured: Mapping[type[Subcontract], Subcontract] = field(default_factory=dict)

    def of(self, model: type[S]) -> S:
        """Return the configuration of a feature: that of the contract, or its defaults."""
        found = self.configured.get(model)
        return model() if found is None else cast(S, found)


def define_feature(
    file: str,
    subcontract: type[S],
    check: Callable[[S, ModelContract], Iterable[Refusal]] | None = None,
    *,
    always_on: bool = True,
) -> Feature:
    """Return the feature in ``file``, with the ``metadata.yaml`` of the same folder.

    ``check`` yields the fields that a contract cannot have, such as one for another kind of node.
    """
    about = load_metadata(Path(file).parent)
    checked = _fits if check is None else cast(Check, check)
    return Feature(about.name, about.key, about.summary, about.kinds, subcontract, checked, always_on)
