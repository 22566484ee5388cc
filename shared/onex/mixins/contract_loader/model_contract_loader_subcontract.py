"""Configuration of reading contracts."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelContractLoaderSubcontract(Subcontract):
    """How contracts are read and cached."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_contract_validation: bool = True
    """Check a contract against its node's class and models. With False only its YAML is checked."""
    enable_contract_caching: bool = True
    """Cache contracts."""
    contract_cache_ttl_seconds: int = Field(default=3_600, ge=60, le=86_400)
    """Lifetime of a cached contract, in seconds."""
    strict_schema_validation: bool = True
    """Refuse contracts with unknown keys. With False unknown keys are ignored."""
    enable_subcontract_composition: bool = True
    """Check and return the configuration of the contract's capabilities. With False it is not read."""
