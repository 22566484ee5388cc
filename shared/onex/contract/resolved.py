"""A node as the engine runs it: contract, classes, routes and output topics, all of them checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from onex.capability import Subcontract
from onex.capability.feature import Features
from onex.contract.variables import Environment
from onex.mixins.checkpoint_management import MixinCheckpointManagement
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.model.topic import with_topic_prefix
from onex.node import Node, NodeConfig, TimerFired
from onex.node.unfinished import unfinished_methods

Subcontracts = Mapping[type[Subcontract], Subcontract]
"""Configuration of capabilities, by the model that describes it."""


@dataclass(frozen=True, slots=True)
class Route:
    """An input topic: the message type that it carries, the method that takes it, the outputs of that method."""

    topic: str
    model: type[Message]
    method: str
    outputs: frozenset[type[Message]]
    type_text: str = ""
    """Text that names the message in a record, on a topic with several messages; empty on others."""
    variants: "tuple[Route, ...]" = ()
    """On a topic with several messages the routes of all of them: this one has the first message."""

    @property
    def name(self) -> str:
        """Name of the route among all routes of a node: the topic, with the type where it has several messages."""
        return f"{self.topic} {self.type_text}" if self.type_text else self.topic


def routes_by_topic(routes: Iterable[Route]) -> dict[str, Route]:
    """Return one route for each topic. That of a topic with several messages has the others as variants."""
    by_topic: dict[str, list[Route]] = {}
    for route in routes:
        by_topic.setdefault(route.topic, []).append(route)
    return {
        topic: replace(group[0], variants=tuple(group)) if group[0].type_text else group[-1]
        for topic, group in by_topic.items()
    }


@dataclass(frozen=True, slots=True)
class ResolvedNode:
    """A contract and everything that it names."""

    contract: ModelContract
    folder: Path
    node_class: type[Node]
    config: NodeConfig
    routes: Mapping[str, Route]
    """By input topic."""
    outputs: Mapping[type[Message], str]
    """Topic of each message type that the node may publish."""
    state_model: type[Message] | None
    """Declared state of a reducer or of an orchestrator in code. None for other nodes."""
    models: Mapping[str, type[Message]]
    """Every message class of the node's ``models`` package, by class name."""
    subcontracts: Subcontracts
    """Configuration of those capabilities that the contract configures."""
    features: Features = field(default_factory=Features)
    """Configuration of the agent's features."""
    missing: frozenset[str] = frozenset()
    """Variables without a default that were not looked up."""
    environment: Environment | None = field(default=None, repr=False)
    """The environment that filled the variables. None when the node was resolved without one."""

    @property
    def all_routes(self) -> list[Route]:
        """A route for each message that the node takes: topics with several messages have several."""
        return [each for route in self.routes.values() for each in (route.variants or (route,))]

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Handlers and health checks whose logic is not written yet."""
        return tuple(unfinished_methods(self.node_class))

    @property
    def triggers(self) -> Mapping[str, type[Message]]:
        """Message classes that a state machine may name as triggers, by class name."""
        return triggers_of(self.contract, self.all_routes)

    @property
    def has_checkpoints(self) -> bool:
        """Whether checkpoints of the node's keyed state can be made."""
        return self.contract.node_type.is_stateful and (
            MixinCheckpointManagement.__name__ in self.node_class.capabilities.names
        )

    def with_prefix(self, prefix: str) -> "ResolvedNode":
        """Return the node in an environment whose topics and groups begin with ``prefix``."""
        routes = [replace(r, topic=with_topic_prefix(r.topic, prefix), variants=()) for r in self.all_routes]
        return replace(
            self,
            contract=self.contract.with_prefix(prefix),
            routes=routes_by_topic(routes),
            outputs={model: with_topic_prefix(topic, prefix) for model, topic in self.outputs.items()},
        )


def triggers_of(contract: ModelContract, routes: Iterable[Route]) -> Mapping[str, type[Message]]:
    """Return the message classes that a state machine may name as triggers. An orchestrator has timers, too."""
    handled: dict[str, type[Message]] = {route.model.__name__: route.model for route in routes}
    if contract.node_type is EnumNodeKind.ORCHESTRATOR:
        handled.setdefault(TimerFired.__name__, TimerFired)
    return handled
