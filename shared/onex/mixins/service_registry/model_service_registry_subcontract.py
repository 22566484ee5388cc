"""Configuration of services."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from onex.capability import Subcontract
from onex.capability.container import EnumScope
from onex.model.contract.version import ModelSemVer


class ModelServiceEntry(BaseModel):
    """One service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: str = Field(pattern=r"^[\w.]+\.\w+$")
    """What it is asked for by: ``package.module.ProtocolName``."""
    factory: str = Field(pattern=r"^[\w.]+\.\w+$")
    """Class or function that makes it, without arguments: ``package.module.name``. Its ``close`` is called in the
    end, where it has one."""
    scope: EnumScope = EnumScope.APPLICATION
    """How long one lives: as long as the node, or for one message of an EFFECT."""


class ModelServiceRegistrySubcontract(Subcontract):
    """What handlers may ask for. Source: seed 001, MixinServiceRegistry."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    services: tuple[ModelServiceEntry, ...] = ()
    """Services that the contract names; code may register further ones."""
    allow_override: bool = False
    """A protocol may be registered twice, and the last one counts; else that is refused."""
