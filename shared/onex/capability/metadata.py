"""``metadata.yaml``: the description of a capability in its folder."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import Field

from onex.model.contract.base import ContractPart
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumCapabilityCategory, EnumLayerStage, EnumNodeKind

FILE_NAME = "metadata.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CapabilityMetadata(ContractPart):
    """The description of a capability, for the resolver and the documentation."""

    name: str = Field(pattern=r"^Mixin[A-Z][A-Za-z0-9]*$")
    """Class name of the mixin. Contracts list it under ``mixins``."""
    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of its folder, and its key under ``subcontracts`` in a contract."""
    accessor: str = Field(default="", pattern=r"^[a-z][a-z0-9_]*$")
    """Attribute of the node that returns the engine. A view has that of its engine; a feature has none."""
    version: ModelSemVer
    """Version of the mixin and its subcontract."""
    summary: str = Field(min_length=10)
    """One sentence."""
    category: EnumCapabilityCategory
    """Section of the catalogue."""
    stage: EnumLayerStage | None = None
    """Place of its engine among the layers around handlers. None for an engine that is no layer."""
    managed: bool = False
    """Whether the engine is opened before the first message and closed after the last."""
    publishes: bool = False
    """Whether the node publishes messages with it. Then a topic of the contract may carry messages that no handler
    returns."""
    view_of: str = ""
    """Capability whose engine does the work of a view. Empty for a capability with an engine of its own."""
    requires: tuple[str, ...] = ()
    """Capabilities that this one needs. They start first."""
    conflicts: tuple[str, ...] = ()
    """Capabilities that cannot be in the same node."""
    kinds: tuple[EnumNodeKind, ...] = tuple(EnumNodeKind)
    """Kinds of node that it may join. A capability that reaches outside systems is for EFFECT nodes only."""
    effect_settings: tuple[str, ...] = ()
    """Fields of its subcontract that only an EFFECT may set. They mean nothing for other kinds."""
    effect_needs: tuple[str, ...] = ()
    """Fields of its subcontract without which an EFFECT cannot have it."""
    without_effect: str = ""
    """Why a pure node may have it although it changes nothing there. Such a node is warned of at start and by
    ``onex doctor``. Empty for a capability that does its work on all its kinds."""
    when_to_use: str = ""
    """The situation that calls for it, in one sentence."""
    overlaps: Mapping[str, str] = Field(default_factory=dict)
    """Other capabilities, and what every node has without any, that do something similar. The value is the
    difference."""


def load_metadata(folder: Path) -> CapabilityMetadata:
    """Read the metadata in a capability's folder. Raise OSError or pydantic's ValidationError."""
    text = (folder / FILE_NAME).read_text(encoding="utf-8")
    return CapabilityMetadata.model_validate(yaml.load(text, _LOADER))
