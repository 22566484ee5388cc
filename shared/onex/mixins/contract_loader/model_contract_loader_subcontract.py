"""Configuration of reading contracts."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelContractLoaderSubcontract(Subcontract):
    """How contracts are read. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_contract_validation: bool = True
    """Check a contract against its node's class and models as well; else only its text."""
    enable_contract_caching: bool = True
    """A contract that was read is not read again for a while."""
    contract_cache_ttl_seconds: int = Field(default=3_600, ge=60, le=86_400)
    """For how long."""
    strict_schema_validation: bool = True
    """Refuse contracts with keys that nobody knows; else those keys are passed over."""
    enable_subcontract_composition: bool = True
    """Give the configuration of the contract's capabilities, checked; else it stays as the contract has it."""
