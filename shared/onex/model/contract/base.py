"""Base of all contract models."""

from pydantic import BaseModel, ConfigDict


class ContractPart(BaseModel):
    """A part of a contract. It is frozen, and refuses keys that it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid")
