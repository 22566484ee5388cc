"""Base of all node kinds: configuration and nothing else."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from onex.model.enums import EnumNodeKind


class NodeConfig(BaseModel):
    """Base of a node's ``Config``: frozen, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node:
    """A handler. Subclass one of the four kinds, not this."""

    kind: ClassVar[EnumNodeKind]
    Config: ClassVar[type[NodeConfig]] = NodeConfig
    """Override with a nested model to give ``config`` of the contract its types."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        self.config = config if config is not None else self.Config()
