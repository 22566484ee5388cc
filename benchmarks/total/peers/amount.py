"""The models of the peers."""

from pydantic import BaseModel, ConfigDict, Field


class Amount(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field(min_length=1)
    value: int = Field(ge=1)


class Total(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str
    total: int
    count: int
