"""Configuration of a node's protocols."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_different
from onex.model.contract.version import ModelSemVer


class ModelServiceProtocolSubcontract(Subcontract):
    """The protocols under which the node serves others in its process."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    provides: tuple[str, ...] = Field(default=())
    """Protocols that the node implements, as ``package.module.ProtocolName``. The node does not start when it lacks a
    member of one. Its container returns it under each of them."""
    check_parameters: bool = True
    """Methods must take the parameters of the protocol. With False only their names are checked."""

    @model_validator(mode="after")
    def _protocols_differ(self) -> Self:
        require_different("provides", self.provides)
        return self
