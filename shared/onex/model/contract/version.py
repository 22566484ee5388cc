"""Semantic version as ONEX contracts write it."""

from pydantic import Field

from onex.model.contract.base import ContractPart


class ModelSemVer(ContractPart):
    """``{major: 1, minor: 0, patch: 0}``. The major version names groups, changelogs and folders."""

    major: int = Field(ge=1, le=999_999)
    """Increases when messages, state or keys change incompatibly."""
    minor: int = Field(default=0, ge=0, le=999_999)
    """Increases with new features."""
    patch: int = Field(default=0, ge=0, le=999_999)
    """Increases with fixes."""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def folder(self) -> str:
        """Name of the version folder: ``v1_0_0``."""
        return f"v{self.major}_{self.minor}_{self.patch}"
