"""Collects the problems of one contract, and finds the classes and topics that it names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError

from onex.capability.dotted import imported
from onex.contract.problems import problems_of
from onex.contract.resolved import Route
from onex.contract.variables import Variables
from onex.contract.yaml_lines import Location, dotted, line_of
from onex.errors import CompositionError, ContractError, ContractProblem
from onex.model.contract import ModelContract
from onex.model.message import Message
from onex.model.topic import TopicName
from onex.node import Node, NodeOrchestrator, NodeReducer


class Checker:
    """The problems of one contract, each with file, line, field and remedy."""

    def __init__(self, variables: Variables) -> None:
        self.file = variables.file
        self.lines = variables.lines
        self.variables = variables
        self.problems: list[ContractProblem] = []
        self._models: Mapping[str, type[Message]] = {}
        self._bound: Mapping[str, Sequence[str]] = {}

    def use(self, models: Mapping[str, type[Message]], bound: Mapping[str, Sequence[str]]) -> None:
        """Set the message classes that names in the contract refer to, and the names of messages by bound topic."""
        self._models = models
        self._bound = bound

    @property
    def models(self) -> Mapping[str, type[Message]]:
        """The message classes that names in the contract refer to. Empty until they are known."""
        return self._models

    def add(self, at: Location, message: str, remedy: str) -> None:
        """Add a problem, unless it is there: each input of a workflow has the same outputs."""
        problem = ContractProblem(self.file, line_of(self.lines, at), dotted(at), message, remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def refuse(self, error: ValidationError, model: type[BaseModel], under: Location) -> None:
        """Add the problems of a validation, except at places whose value only the environment of the node has."""
        problems = problems_of(error, model, self.variables, under)
        places = [(*under, *details["loc"]) for details in error.errors()]
        self.problems += [
            problem for place, problem in zip(places, problems, strict=True) if not self.variables.is_undecided(place)
        ]

    def raise_if_any(self) -> None:
        """Raise ContractError with all problems so far."""
        if self.problems:
            raise ContractError(self.problems)

    def model(self, name: str, at: Location) -> type[Message] | None:
        """Return the message class of that name in ``models/``."""
        if name in self._models:
            return self._models[name]
        self.add(at, f"models/ has no message {name}", f"add it; there are: {', '.join(sorted(self._models))}")
        return None

    def topic_of_model(self, model: type[Message], topics: Sequence[str], field: str, at: Location) -> str | None:
        """Return the topic that carries ``model``: bound to it, or by its name segment."""
        for topic in topics:
            bound = [self._models.get(name) for name in self._bound.get(topic, ())]
            if model in bound if bound else TopicName.parse(topic).name == model.message_name:
                return topic
        self.add(
            at,
            f"no topic in event_bus.{field} carries {model.__name__}",
            f"add one whose name segment is {model.message_name}, or bind one in event_bus.topics",
        )
        return None

    def models_of_topic(self, topic: str, at: Location) -> list[type[Message]]:
        """Return the message classes that a topic carries: those that it is bound to, or the one of its name."""
        if topic in self._bound:
            bound = [self.model(name, ("event_bus", "topics", topic)) for name in self._bound[topic]]
            return [model for model in bound if model is not None]
        name = TopicName.parse(topic).name
        for model in self._models.values():
            if model.message_name == name:
                return [model]
        remedy = f"add the class whose kebab-case name is {name}, or bind the topic in event_bus.topics"
        self.add(at, f"models/ has no message for {topic}", remedy)
        return []

    def exceptions_exist(self, contract: ModelContract) -> None:
        """Check that the exceptions that count as transient can be imported."""
        features = contract.advanced_features
        at: Location = ("error_handling", "retry_policy", "retryable_exceptions")
        if features is not None and features.retries() is not None:
            at = ("advanced_features", "retry_policy", "retryable_exceptions")
        for name in contract.retry_policy.retryable_exceptions:
            try:
                found = imported(name if "." in name else f"builtins.{name}")
            except CompositionError as error:
                self.add(at, str(error), "fix the name, or install the package that has it")
                continue
            if not (isinstance(found, type) and issubclass(found, Exception)):
                self.add(at, f"{name} is no exception", "name a class that derives from Exception")

    def outputs_are_published(
        self, routes: Iterable[Route], outputs: Mapping[type[Message], str], node_class: type[Node]
    ) -> None:
        """Check that each output has a topic, and each published topic an output or a capability that publishes."""
        publishes = any(metadata.publishes for metadata in node_class.capabilities.start)
        declared = {model for route in routes for model in route.outputs}
        for model in sorted(declared - set(outputs), key=lambda m: m.__name__):
            self.topic_of_model(model, list(outputs.values()), "publish_topics", ("event_bus",))
        for model, topic in outputs.items():
            if model not in declared and not publishes:
                self.add(
                    ("event_bus", "publish_topics"),
                    f"nothing publishes to {topic}",
                    f"name {model.__name__} as an output, give the node MixinEventBus, or remove the topic",
                )

    def generic_argument(self, node_class: type[Node], index: int, at: Location) -> type[Message] | None:
        """Return argument ``index`` of the base class, as in ``NodeOrchestrator[PlaceOrder, OrderCompleted]``."""
        for base in getattr(node_class, "__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Node):
                argument = get_args(base)[index]
                if isinstance(argument, type) and issubclass(argument, Message):
                    return argument
        self.add(at, f"{node_class.__name__} does not name its message types", "write NodeX[Type, ...]")
        return None

    def state_model(self, node_class: type[Node]) -> type[Message] | None:
        """Return the state of a reducer (its generic argument) or of an orchestrator in code (``State``)."""
        if issubclass(node_class, NodeReducer):
            return self.generic_argument(node_class, 0, ("node_type",))
        if issubclass(node_class, NodeOrchestrator):
            state = getattr(node_class, "State", None)
            if isinstance(state, type) and issubclass(state, Message):
                return state
            self.add(
                ("node_type",),
                f"{node_class.__name__} has no State",
                "set `State = YourStateModel` in the class",
            )
        return None
