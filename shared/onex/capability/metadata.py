"""What a capability says of itself: ``metadata.yaml`` in its folder."""

from pathlib import Path

import yaml
from pydantic import Field

from onex.model.contract.base import ContractPart
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumCapabilityCategory, EnumLayerStage, EnumNodeKind

FILE_NAME = "metadata.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CapabilityMetadata(ContractPart):
    """Everything the resolver knows of a capability."""

    name: str = Field(pattern=r"^Mixin[A-Z][A-Za-z0-9]*$")
    """Class name of the mixin; contracts list it under ``mixins``."""
    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of its folder, and of its part under ``subcontracts`` in a contract."""
    accessor: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Attribute under which a node finds the engine."""
    version: ModelSemVer
    """Of the mixin and its subcontract."""
    summary: str = Field(min_length=10)
    """One sentence."""
    category: EnumCapabilityCategory
    """Shelf of the catalogue."""
    stage: EnumLayerStage | None = None
    """Where its engine stands around handlers; None for one that is only called by them."""
    managed: bool = False
    """Whether the engine is opened before the first message and closed after the last one."""
    publishes: bool = False
    """Whether nodes publish messages with it: then a topic of the contract need not hold answers of handlers."""
    requires: tuple[str, ...] = ()
    """Capabilities without which this one cannot be; they start first."""
    conflicts: tuple[str, ...] = ()
    """Capabilities that it cannot share a node with."""
    kinds: tuple[EnumNodeKind, ...] = tuple(EnumNodeKind)
    """Kinds of node that it may join. What meets the outside world belongs to an EFFECT."""


def load_metadata(folder: Path) -> CapabilityMetadata:
    """Metadata of a capability's folder. Raises OSError, pydantic's ValidationError."""
    text = (folder / FILE_NAME).read_text(encoding="utf-8")
    return CapabilityMetadata.model_validate(yaml.load(text, _LOADER))
