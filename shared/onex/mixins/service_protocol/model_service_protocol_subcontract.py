"""Configuration of a node's protocols."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelServiceProtocolSubcontract(Subcontract):
    """What the node is for others in its process. Source: seed 001, MixinServiceProtocol."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    provides: tuple[str, ...] = Field(default=())
    """Protocols that the node implements, as ``package.module.ProtocolName``. One that it does not implement keeps it
    from starting; under the others it can be had from its container."""
    check_parameters: bool = True
    """Methods must take the parameters that the protocol names; else it is enough that they are there."""
