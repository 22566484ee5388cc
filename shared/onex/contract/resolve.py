"""From a contract to what the engine runs: classes, routes and output topics, all checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from onex.capability import Container, NodeIdentity
from onex.capability.container import ServiceRegistry
from onex.capability.contracts import ProtocolContractReader
from onex.capability.host import standard_services
from onex.contract.capabilities import Subcontracts, compose
from onex.contract.check_fsm import check_state_machine
from onex.contract.checker import Checker
from onex.contract.import_node import import_models, import_node_class
from onex.contract.load import FILE_NAME, read_contract
from onex.contract.reader import ContractReader
from onex.contract.variables import Environment
from onex.errors import ConfigurationError, ContractError
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.model.topic import with_topic_prefix
from onex.node import Node, NodeConfig


@dataclass(frozen=True, slots=True)
class Route:
    """One subscribed topic: the type it carries, the method that takes it, what that may put out."""

    topic: str
    model: type[Message]
    method: str
    outputs: frozenset[type[Message]]


@dataclass(frozen=True, slots=True)
class ResolvedNode:
    """A contract with everything it names found and checked."""

    contract: ModelContract
    folder: Path
    node_class: type[Node]
    config: NodeConfig
    routes: Mapping[str, Route]
    """By subscribed topic."""
    outputs: Mapping[type[Message], str]
    """Topic of every message type this node may put out."""
    state_model: type[Message] | None
    """Declared state of a reducer or a coded orchestrator; None for other nodes."""
    models: Mapping[str, type[Message]]
    """Every message class of the node's ``models`` package, by class name."""
    subcontracts: Subcontracts
    """Configuration of the capabilities, as far as the contract gives any."""
    missing: frozenset[str] = frozenset()
    """Variables without a default that were not looked up."""
    environment: Environment | None = field(default=None, repr=False)
    """Where the variables were looked up; None when the node was not resolved to be run."""

    def create(self, services: ServiceRegistry | None = None) -> Node:
        """A fresh handler object. Its capabilities find their configuration in its container, and what they work
        with in ``services``: by default the clock of the machine and nothing else. Raises ConfigurationError when
        the contract names variables that were not looked up.
        """
        contract = self.contract
        if self.missing:
            raise ConfigurationError(
                f"{contract.name}: {', '.join(sorted(self.missing))} of the contract must come from the environment; "
                "give resolve_node an environment, or the variables defaults"
            )
        if services is None:
            services = standard_services(NodeIdentity(contract.name, str(contract.contract_version)))
        services.value(ProtocolContractReader, ContractReader())
        for model, subcontract in self.subcontracts.items():
            services.value(model, subcontract)
        node = self.node_class.__new__(self.node_class)
        node.container = Container(services)  # before its __init__, which may use capabilities
        node.__init__(self.config)  # type: ignore[misc]  # it is of exactly this class
        return node

    def with_prefix(self, prefix: str) -> "ResolvedNode":
        """The node in an environment whose topics and groups begin with ``prefix``."""
        routes = [replace(r, topic=with_topic_prefix(topic, prefix)) for topic, r in self.routes.items()]
        return replace(
            self,
            contract=self.contract.with_prefix(prefix),
            routes={route.topic: route for route in routes},
            outputs={model: with_topic_prefix(topic, prefix) for model, topic in self.outputs.items()},
        )


def resolve_node(path: Path, prefix: str = "", *, environment: Environment | None = None) -> ResolvedNode:
    """Load, import and check the node in ``path`` (folder or contract file); raises ContractError.

    ``prefix`` is the setting ``topic_prefix``: the result has the names of topics as they are in the cluster.
    ``environment`` fills ``${VAR}``: give it where the node is run. Without it the node is checked with the defaults,
    and :meth:`ResolvedNode.create` refuses to make one that needs more.
    """
    resolved = _resolve(path, environment)
    return resolved.with_prefix(prefix) if prefix else resolved


def _resolve(path: Path, environment: Environment | None) -> ResolvedNode:
    contract, variables = read_contract(path, environment)
    checker = Checker(variables)
    folder = variables.file.parent.resolve()
    models = import_models(folder, contract, checker)
    node_class = import_node_class(folder, contract, checker)
    for index, dependency in enumerate(contract.dependencies):
        _check_dependency(dependency.module, dependency.class_name, index, checker)
    checker.raise_if_any()
    checker.use(models)
    checker.names_can_travel()
    checker.keys_are_canonical()
    checker.defaults_are_constant()
    if contract.definitions is not None:
        checker.definitions_match(contract.definitions)
    node_class, subcontracts = compose(contract, node_class, checker)
    routes = _routes(contract, node_class, checker)
    outputs = {
        model: topic
        for index, topic in enumerate(contract.event_bus.publish_topics)
        if (model := checker.model_of_topic(topic, ("event_bus", "publish_topics", index)))
    }
    checker.outputs_are_published(routes, outputs, node_class)
    config = NodeConfig()
    try:
        config = node_class.Config.model_validate(contract.config)
    except ValidationError as error:
        checker.refuse(error, node_class.Config, ("config",))
    checker.raise_if_any()
    state = checker.state_model(node_class) if contract.workflow_coordination is None else None
    if contract.state_machine and state:
        check_state_machine(contract.state_machine, state, {r.model.__name__: r.model for r in routes}, checker)
    checker.exceptions_exist(contract)
    checker.raise_if_any()
    return ResolvedNode(
        contract,
        folder,
        node_class,
        config,
        {route.topic: route for route in [*routes, *_cancelling(contract)]},
        {**outputs, **_repeating(contract)},
        state,
        models,
        subcontracts,
        frozenset(variables.open.values()),
        environment,
    )


def earlier_versions(resolved: ResolvedNode) -> list[ResolvedNode]:
    """Other versions of the same major that lie beside a node's folder; raises ContractError."""
    found: list[ResolvedNode] = []
    version = resolved.contract.contract_version
    for file in sorted(resolved.folder.parent.glob(f"v{version.major}_*/{FILE_NAME}")):
        if file.parent != resolved.folder:
            prefix, environment = resolved.contract.topic_prefix, resolved.environment
            found.append(resolve_node(file.parent, prefix, environment=environment))
    return found


def _routes(contract: ModelContract, node_class: type[Node], checker: Checker) -> list[Route]:
    topics = contract.event_bus.subscribe_topics
    routes: list[Route] = []
    claimed: set[str] = set()
    for at, model_name, method, outputs in _declared(contract, node_class, checker):
        model = checker.model(model_name, at)
        if model is None:
            continue
        topic = checker.topic_of_model(model, topics, "subscribe_topics", at)
        if topic is None:
            continue
        claimed.add(topic)
        known = [found for name in outputs if (found := checker.model(name, at))]
        routes.append(Route(topic, model, method, frozenset(known)))
    for index, topic in enumerate(topics):
        if topic not in claimed and not checker.problems:
            checker.add(
                ("event_bus", "subscribe_topics", index),
                f"nothing handles messages of {topic}",
                "route its message type to a handler, or remove the topic",
            )
    checker.handlers_exist(contract, node_class, routes)
    return routes


def _cancelling(contract: ModelContract) -> list[Route]:
    """Whatever a workflow does, it can be cancelled."""
    if contract.workflow_coordination is None:
        return []
    return [Route(contract.cancel_topic, CancelWorkflow, "cancel", frozenset())]


def _repeating(contract: ModelContract) -> dict[type[Message], str]:
    """The sender of a repeated command gets the completion of its workflow again."""
    return {} if contract.workflow_coordination is None else {CompletionRepeated: contract.repeated_topic}


def _declared(
    contract: ModelContract, node_class: type[Node], checker: Checker
) -> list[tuple[tuple[str | int, ...], str, str, tuple[str, ...]]]:
    """Location, input model name, method and output names of everything the contract routes."""
    if contract.handler_routing:
        return [
            (("handler_routing", "handlers", index), item.event_model, item.handler, item.output_events)
            for index, item in enumerate(contract.handler_routing.handlers)
        ]
    if workflow := contract.workflow_coordination:
        at = ("workflow_coordination",)
        start = checker.generic_argument(node_class, 0, at)
        ends = [workflow.completed, workflow.failed, *([workflow.progress] if workflow.progress else [])]
        everything = tuple(dict.fromkeys([*workflow.sent, *ends]))
        names = [start.__name__] if start else []
        names += [name for step in workflow.steps for name in step.answers]
        return [(at, name, "decide", everything) for name in names]
    method = "compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"
    if contract.node_type.is_stateful:
        checker.add(("input_model",), "the short form is for COMPUTE and EFFECT", "use handler_routing")
        return []
    outputs = (contract.output_model,) if contract.output_model else ()
    return [(("input_model",), contract.input_model or "", method, outputs)]


def _check_dependency(module: str, class_name: str | None, index: int, checker: Checker) -> None:
    at = ("dependencies", index)
    try:
        found = import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever the code of a module raises when it is imported
        checker.add(at, f"cannot import {module}: {type(error).__name__}: {error}", "install it or fix the name")
        return
    if class_name and not hasattr(found, class_name):
        checker.add(at, f"{module} has no {class_name}", "fix class_name")


__all__ = ["ContractError", "ResolvedNode", "Route", "earlier_versions", "resolve_node"]
