"""Configuration of hash computation."""

from typing import ClassVar

from onex.capability import Subcontract
from onex.mixins.serialization.model_serialization_subcontract import EnumDigest
from onex.model.contract.version import ModelSemVer


class ModelHashComputationSubcontract(Subcontract):
    """The function of digests."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    hash_algorithm: EnumDigest = EnumDigest.SHA256
    """The function of ``digest``."""
