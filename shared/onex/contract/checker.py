"""A node class against its contract: every name found, every signature right."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import BaseModel, ValidationError

from onex.capability.dotted import imported
from onex.contract.problems import problems_of
from onex.contract.signature import models_in, type_hints
from onex.contract.variables import Variables
from onex.contract.yaml_lines import Location, dotted, line_of
from onex.errors import CompositionError, ContractError, ContractProblem
from onex.model.contract import ModelContract, ModelDefinitions, ModelWorkflow
from onex.model.contract.field_type import to_annotation
from onex.model.default_value import default_problem
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.model.partition_key import KEY_TYPES, key_problem
from onex.model.topic import TopicName
from onex.node import Node, NodeOrchestrator, NodeReducer

if TYPE_CHECKING:
    from onex.contract.resolve import Route


class Checker:
    """Collects problems of one contract, each with file, line, field and remedy."""

    def __init__(self, variables: Variables) -> None:
        self.file = variables.file
        self.lines = variables.lines
        self.variables = variables
        self.problems: list[ContractProblem] = []
        self._models: Mapping[str, type[Message]] = {}

    def use(self, models: Mapping[str, type[Message]]) -> None:
        """The message classes that names in the contract refer to."""
        self._models = models

    def add(self, at: Location, message: str, remedy: str) -> None:
        """Note one problem."""
        self.problems.append(ContractProblem(self.file, line_of(self.lines, at), dotted(at), message, remedy))

    def refuse(self, error: ValidationError, model: type[BaseModel], under: Location) -> None:
        """Note what a validation found, but for what only the environment can decide where the node runs."""
        found = problems_of(error, model, self.variables, under)
        places = [(*under, *details["loc"]) for details in error.errors()]
        self.problems += [
            problem for place, problem in zip(places, found, strict=True) if not self.variables.is_undecided(place)
        ]

    def raise_if_any(self) -> None:
        """Raise ContractError with everything noted so far."""
        if self.problems:
            raise ContractError(self.problems)

    def model(self, name: str, at: Location) -> type[Message] | None:
        """The message class of that name in ``models/``."""
        if name in self._models:
            return self._models[name]
        self.add(at, f"models/ has no message {name}", f"add it; there are: {', '.join(sorted(self._models))}")
        return None

    def topic_of_model(self, model: type[Message], topics: Sequence[str], field: str, at: Location) -> str | None:
        """The topic that carries ``model``, by its name segment."""
        for topic in topics:
            if TopicName.parse(topic).name == model.message_name:
                return topic
        self.add(
            at,
            f"no topic in event_bus.{field} carries {model.__name__}",
            f"add one whose name segment is {model.message_name}",
        )
        return None

    def model_of_topic(self, topic: str, at: Location) -> type[Message] | None:
        """The message class a topic carries, by its name segment."""
        name = TopicName.parse(topic).name
        for model in self._models.values():
            if model.message_name == name:
                return model
        self.add(at, f"models/ has no message for {topic}", f"add the class whose kebab-case name is {name}")
        return None

    def definitions_match(self, definitions: ModelDefinitions) -> None:
        """Classes in ``models/`` have exactly the fields and keys that the contract defines."""
        for name, definition in definitions.models.items():
            at: Location = ("definitions", "models", name)
            model = self.model(name, at)
            if model is None:
                continue
            if model.key_field != definition.key:
                self.add(at, f"{name} is keyed by {model.key_field}", f"write key={definition.key!r}")
            wanted = {field: to_annotation(text, self._models) for field, text in definition.fields.items()}
            found = {field: info.annotation for field, info in model.model_fields.items()}
            for field in sorted(wanted.keys() | found.keys()):
                if wanted.get(field) != found.get(field):
                    self.add(
                        (*at, "fields", field),
                        f"{name}.{field} is {found.get(field, 'missing')} in models/",
                        f"the contract says {definition.fields.get(field, 'nothing')}",
                    )

    def keys_are_canonical(self) -> None:
        """The key field of each message has a type with one canonical text per value."""
        for name, model in sorted(self._models.items()):
            if model.key_field is None:
                continue
            if reason := key_problem(model.model_fields[model.key_field].annotation):
                at: Location = ("definitions", "models", name, "key")
                self.add(at, f"models/: {name}.{model.key_field} is no key: {reason}", f"key it by {KEY_TYPES}")

    def names_can_travel(self) -> None:
        """Names of messages and fields are ASCII: Avro takes no others."""
        for name, model in sorted(self._models.items()):
            at: Location = ("definitions", "models", name)
            for part in (name, *model.model_fields):
                if not part.isascii():
                    self.add(at, f"models/: {name}: {part!r} cannot be sent", "write ASCII letters and digits")

    def defaults_are_constant(self) -> None:
        """The default of each field is the same in every process: it is part of the schema."""
        for name, model in sorted(self._models.items()):
            for field, info in model.model_fields.items():
                if reason := default_problem(info):
                    at: Location = ("definitions", "models", name, "fields", field)
                    problem, _, remedy = reason.partition("; ")
                    self.add(at, f"models/: {name}.{field}: {problem}", remedy)

    def exceptions_exist(self, contract: ModelContract) -> None:
        """The exceptions that count as transient can be imported."""
        features = contract.advanced_features
        at: Location = ("error_handling", "retry_policy", "retryable_exceptions")
        if features is not None and features.retries() is not None:
            at = ("advanced_features", "retry_policy", "retryable_exceptions")
        for name in contract.retry_policy.retryable_exceptions:
            try:
                found = imported(name if "." in name else f"builtins.{name}")
            except CompositionError as error:
                self.add(at, str(error), "fix the name, or install what has it")
                continue
            if not (isinstance(found, type) and issubclass(found, Exception)):
                self.add(at, f"{name} is no exception", "name a class that derives from Exception")

    def outputs_are_published(
        self, routes: Iterable["Route"], outputs: Mapping[type[Message], str], node_class: type[Node]
    ) -> None:
        """Every declared output has a topic, and every published topic an output, or a capability that publishes."""
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
        """``NodeOrchestrator[PlaceOrder, OrderCompleted]``: argument ``index`` of the base class."""
        for base in getattr(node_class, "__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Node):
                argument = get_args(base)[index]
                if isinstance(argument, type) and issubclass(argument, Message):
                    return argument
        self.add(at, f"{node_class.__name__} does not name its message types", "write NodeX[Type, ...]")
        return None

    def state_model(self, node_class: type[Node]) -> type[Message] | None:
        """State type of a reducer (its generic argument) or of a coded orchestrator (``State``)."""
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

    def handlers_exist(self, contract: ModelContract, node_class: type[Node], routes: Iterable["Route"]) -> None:
        """Methods exist and take and return what the contract says."""
        if contract.workflow_coordination:
            self._workflow_methods(contract.workflow_coordination, node_class)
            return
        for route in routes:
            self._handler(contract.node_type, node_class, route)

    def _handler(self, kind: EnumNodeKind, node_class: type[Node], route: "Route") -> None:
        at: Location = ("handler_routing",) if ("handler_routing",) in self.lines else ("input_model",)
        name = f"{node_class.__name__}.{route.method}"
        method = getattr(node_class, route.method, None)
        if not callable(method):
            self.add(at, f"{name} does not exist", "write it or fix the name")
            return
        if inspect.iscoroutinefunction(method) is not (kind is EnumNodeKind.EFFECT):
            wanted = "async def" if kind is EnumNodeKind.EFFECT else "plain def"
            self.add(at, f"{name} is the wrong sort of function", f"a {kind} handler is a {wanted}")
        position = {EnumNodeKind.COMPUTE: 1, EnumNodeKind.EFFECT: 1}.get(kind, 2)
        count = {EnumNodeKind.COMPUTE: 2, EnumNodeKind.EFFECT: 3}.get(kind, 4)
        parameters = list(inspect.signature(method).parameters)
        if len(parameters) != count:
            self.add(at, f"{name} takes ({', '.join(parameters)})", f"a {kind} handler takes {count - 1} arguments")
            return
        hints, complaint = type_hints(method)
        if complaint:
            self.add(at, f"{name}: {complaint}", "fix the annotations")
            return
        accepted = models_in(hints.get(parameters[position]))
        if route.model not in accepted:
            self.add(
                at,
                f"{name} does not accept {route.model.__name__}",
                f"annotate {parameters[position]!r} with it",
            )
        if kind.is_stateful:
            return
        returned = models_in(hints.get("return"))
        for model in sorted(returned - route.outputs, key=lambda m: m.__name__):
            self.add(at, f"{name} may return {model.__name__}", "add it to output_events")
        for model in sorted(route.outputs - returned, key=lambda m: m.__name__):
            self.add(at, f"{name} never returns {model.__name__}", "fix output_events or the annotation")

    def _workflow_methods(self, workflow: ModelWorkflow, node_class: type[Node]) -> None:
        wanted = {"completed": workflow.completed, "failed": workflow.failed}
        if workflow.progress:
            wanted["progress"] = workflow.progress
        start = self.generic_argument(node_class, 0, ("workflow_coordination",))
        if workflow.continues and start:
            wanted["continue_as_new"] = start.__name__
        plain = ["deadline"] if workflow.deadline else []
        for step in workflow.steps:
            plain += [f"when_{step.id}"] if step.conditional else []
            if step.command:
                wanted[step.id] = step.command
            if step.compensate:
                wanted[f"compensate_{step.id}"] = step.compensate
        at: Location = ("workflow_coordination",)
        for name in plain:
            if not callable(getattr(node_class, name, None)):
                self.add(at, f"{node_class.__name__}.{name} does not exist", f"write `def {name}(self, run)`")
        for name, model_name in wanted.items():
            method = getattr(node_class, name, None)
            full = f"{node_class.__name__}.{name}"
            if not callable(method):
                self.add(at, f"{full} does not exist", f"write `def {name}(self, run) -> {model_name}`")
                continue
            hints, complaint = type_hints(method)
            if complaint:
                self.add(at, f"{full}: {complaint}", "fix the annotations")
                continue
            returned = {model.__name__ for model in models_in(hints.get("return"))}
            if returned != {model_name}:
                self.add(at, f"{full} returns {returned or 'nothing'}", f"annotate it with -> {model_name}")
