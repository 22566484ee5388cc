"""Configuration of secure storage."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelSecureStorageSubcontract(Subcontract):
    """Folder and size of stored secrets."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    folder: str = ""
    """Folder with a subfolder for each node. Empty uses ``secrets`` in the agent's home. Only its owner may read
    it."""
    max_value_bytes: int = Field(default=64 * 1024, ge=1, le=64 * 1024 * 1024)
    """Larger values are refused."""
