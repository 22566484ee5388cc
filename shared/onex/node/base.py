"""Base of all node kinds: configuration and capabilities."""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from onex.capability import Container, NodeIdentity
from onex.capability.composition import CapabilityPlan, plan_of
from onex.capability.host import standard_services
from onex.model.enums import EnumNodeKind


class NodeConfig(BaseModel):
    """Base of a node's ``Config``: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node:
    """Base of the four kinds. Subclass one of the kinds, not this class.

    Capabilities are bases: ``class NodePaymentEffect(MixinRetry, NodeEffect)``. Creating a class whose capabilities
    do not fit raises CompositionError.
    """

    kind: ClassVar[EnumNodeKind]
    Config: ClassVar[type[NodeConfig]] = NodeConfig
    """The type of ``config`` in the contract. Override it with a nested model."""
    capabilities: ClassVar[CapabilityPlan] = CapabilityPlan()
    """The capabilities of the class."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.capabilities = plan_of(cls, getattr(cls, "kind", None))

    def __init__(self, config: NodeConfig | None = None) -> None:
        self.config = config if config is not None else self.Config()

    if TYPE_CHECKING:
        container: Container
        """The services of engines. The agent sets its own container before the first use."""
    else:  # pyright does not accept a cached_property as an attribute when it checks a node against a protocol

        @cached_property
        def container(self) -> Container:
            """The services of a node that runs without an agent."""
            return Container(standard_services(NodeIdentity(type(self).__name__)))
