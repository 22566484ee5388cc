"""The input topics of a node, with the methods that handle them."""

from collections.abc import Sequence
from typing import NamedTuple

from onex.contract.checker import Checker
from onex.contract.handlers import RoutePlaces, check_handlers
from onex.contract.language.names import Used
from onex.contract.language.names import outputs_of as named_outputs
from onex.contract.resolved import Route
from onex.contract.yaml_lines import Location
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelContract
from onex.model.contract.routing import ModelHandler
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.node import Node


class _DeclaredInput(NamedTuple):
    """A message that the contract routes to a method."""

    at: Location
    model_name: str
    method: str
    outputs: Sequence[Used]
    outputs_at: Location
    """Where another output would be added."""


def routes_of(contract: ModelContract, node_class: type[Node], checker: Checker) -> list[Route]:
    """Return a route for each subscribed topic. Report problems to the checker."""
    topics = contract.event_bus.subscribe_topics
    routes: list[Route] = []
    places: dict[tuple[str, type[Message]], RoutePlaces] = {}
    for declared in _declared_inputs(contract, node_class, checker):
        model = checker.model(declared.model_name, declared.at)
        if model is None:
            continue
        topic = checker.topic_of_model(model, topics, "subscribe_topics", declared.at)
        if topic is None:
            continue
        outputs = [output for at, name in declared.outputs if (output := checker.model(name, at))]
        bound = contract.event_bus.topics.get(topic)
        type_text = "" if bound is None else bound.type_of(declared.model_name)
        routes.append(Route(topic, model, declared.method, frozenset(outputs), type_text))
        places[topic, model] = RoutePlaces(declared.at, declared.outputs_at)
    routed_topics = {route.topic for route in routes}
    for index, topic in enumerate(topics):
        if topic not in routed_topics and not checker.problems:
            checker.add(
                ("event_bus", "subscribe_topics", index),
                f"nothing handles messages of {topic}",
                "route its message type to a handler, or remove the topic",
            )
    _several_are_handled(contract, routes, checker)
    check_handlers(contract, node_class, [(route, places[route.topic, route.model]) for route in routes], checker)
    return routes


def _several_are_handled(contract: ModelContract, routes: Sequence[Route], checker: Checker) -> None:
    """Check that each message of a subscribed topic with several messages has a handler."""
    handled = {(route.topic, route.model.__name__) for route in routes}
    for topic, bound in contract.event_bus.topics.items():
        for text, name in bound.messages.items():
            if topic in contract.event_bus.subscribe_topics and (topic, name) not in handled and not checker.problems:
                checker.add(
                    ("event_bus", "topics", topic, "messages", text),
                    f"nothing handles {name}",
                    "route it to a handler, or remove it and write other_types: ignore",
                )


def outputs_of(contract: ModelContract, checker: Checker) -> dict[type[Message], str]:
    """Return the topic of each message that the node may publish. Report problems to the checker."""
    outputs: dict[type[Message], str] = {}
    for index, topic in enumerate(contract.event_bus.publish_topics):
        at: Location = ("event_bus", "publish_topics", index)
        for model in checker.models_of_topic(topic, at):
            if model in outputs:
                checker.add(at, f"carries {model.__name__}, as {outputs[model]} does", "keep one")
            outputs.setdefault(model, topic)
    return outputs


def cancel_routes(contract: ModelContract) -> list[Route]:
    """Return the route of the command that cancels a declared workflow."""
    if contract.workflow_coordination is None:
        return []
    return [Route(contract.cancel_topic, CancelWorkflow, "cancel", frozenset())]


def repeated_outputs(contract: ModelContract) -> dict[type[Message], str]:
    """Return the output by which a declared workflow replies to a repeated command."""
    return {} if contract.workflow_coordination is None else {CompletionRepeated: contract.repeated_topic}


def _declared_inputs(contract: ModelContract, node_class: type[Node], checker: Checker) -> list[_DeclaredInput]:
    if contract.handler_routing:
        return [
            _routed(("handler_routing", "handlers", index), item)
            for index, item in enumerate(contract.handler_routing.handlers)
        ]
    if workflow := contract.workflow_coordination:
        at: Location = ("workflow_coordination",)
        start = checker.generic_argument(node_class, 0, at)
        outputs = named_outputs(contract)
        names = [(at, start.__name__)] if start else []
        names += [((*at, "steps", index), name) for index, step in enumerate(workflow.steps) for name in step.answers]
        return [_DeclaredInput(place, name, "decide", outputs, at) for place, name in names]
    method = "compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"
    if contract.node_type.is_stateful:
        checker.add(("input_model",), "the short form is for COMPUTE and EFFECT", "use handler_routing")
        return []
    outputs = named_outputs(contract)
    return [_DeclaredInput(("input_model",), contract.input_model or "", method, outputs, ("output_model",))]


def _routed(at: Location, item: ModelHandler) -> _DeclaredInput:
    outputs_at = (*at, "output_events")
    outputs = [((*outputs_at, index), name) for index, name in enumerate(item.output_events)]
    return _DeclaredInput((*at, "event_model"), item.event_model, item.handler, outputs, outputs_at)
