"""Base of all node kinds: configuration, and a place for capabilities."""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from onex.capability import Container, NodeIdentity
from onex.capability.composition import CapabilityPlan, plan_of
from onex.capability.host import standard_services
from onex.model.enums import EnumNodeKind


class NodeConfig(BaseModel):
    """Base of a node's ``Config``: frozen, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node:
    """A handler. Subclass one of the four kinds, not this.

    Capabilities are bases: ``class NodePaymentEffect(MixinRetry, NodeEffect)``. What does not fit together is
    refused when the class is made (CompositionError).
    """

    kind: ClassVar[EnumNodeKind]
    Config: ClassVar[type[NodeConfig]] = NodeConfig
    """Override with a nested model to give ``config`` of the contract its types."""
    capabilities: ClassVar[CapabilityPlan] = CapabilityPlan()
    """What the class is composed of."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.capabilities = plan_of(cls, getattr(cls, "kind", None))

    def __init__(self, config: NodeConfig | None = None) -> None:
        self.config = config if config is not None else self.Config()

    if TYPE_CHECKING:
        container: Container
        """Where engines find their collaborators; the agent puts its own here before anything asks."""
    else:  # pyright takes a cached_property for no attribute when it looks whether a node fits a protocol

        @cached_property
        def container(self) -> Container:
            """See above: of a node that no agent runs."""
            return Container(standard_services(NodeIdentity(type(self).__name__)))
