"""Base of all contract models."""

from pydantic import BaseModel, ConfigDict


class ContractPart(BaseModel):
    """Frozen, and closed: a key that is not declared here is refused, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
