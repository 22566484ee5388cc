"""Configuration of services."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_different
from onex.capability.container import EnumScope
from onex.model.contract.version import ModelSemVer


class ModelServiceEntry(BaseModel):
    """One service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: str = Field(pattern=r"^[\w.]+\.\w+$")
    """Protocol under which handlers get it: ``package.module.ProtocolName``."""
    factory: str = Field(pattern=r"^[\w.]+\.\w+$")
    """Class or function that creates it, without arguments: ``package.module.name``. If the service has a ``close``
    method, it is called at the end."""
    scope: EnumScope = EnumScope.APPLICATION
    """Lifetime: until the node stops, or one message of an EFFECT."""


class ModelServiceRegistrySubcontract(Subcontract):
    """Services for handlers."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    services: tuple[ModelServiceEntry, ...] = ()
    """Services. Code may register further ones."""
    allow_override: bool = False
    """A later registration of a protocol replaces an earlier one. With False it is refused."""

    @model_validator(mode="after")
    def _services_differ(self) -> Self:
        if not self.allow_override:
            require_different("services", (service.protocol for service in self.services))
        return self
