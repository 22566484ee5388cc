"""Checks the methods of a node class against its contract."""

import inspect
from collections.abc import Iterable
from typing import NamedTuple

from onex.contract.checker import Checker
from onex.contract.resolved import Route
from onex.contract.signature import models_in, type_hints
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract, ModelWorkflow
from onex.model.enums import EnumNodeKind
from onex.node import Node


class RoutePlaces(NamedTuple):
    """Where the contract declares a route."""

    event: Location
    """Its input."""
    outputs: Location
    """Its outputs, or where one would be added."""


def check_handlers(
    contract: ModelContract, node_class: type[Node], routes: Iterable[tuple[Route, RoutePlaces]], checker: Checker
) -> None:
    """Check that the methods of the class exist, and take and return what the contract declares."""
    if contract.workflow_coordination:
        _check_workflow_methods(contract.workflow_coordination, node_class, checker)
        return
    for route, places in routes:
        _check_handler(contract.node_type, node_class, route, places, checker)


def _check_handler(
    kind: EnumNodeKind, node_class: type[Node], route: Route, places: RoutePlaces, checker: Checker
) -> None:
    at, field = places.event, places.outputs[-1]
    name = f"{node_class.__name__}.{route.method}"
    method = getattr(node_class, route.method, None)
    if not callable(method):
        checker.add(at, f"{name} does not exist", "write it or fix the name")
        return
    if inspect.iscoroutinefunction(method) is not (kind is EnumNodeKind.EFFECT):
        wanted = "async def" if kind is EnumNodeKind.EFFECT else "plain def"
        checker.add(at, f"{name} is the wrong sort of function", f"a {kind} handler is a {wanted}")
    position = {EnumNodeKind.COMPUTE: 1, EnumNodeKind.EFFECT: 1}.get(kind, 2)
    count = {EnumNodeKind.COMPUTE: 2, EnumNodeKind.EFFECT: 3}.get(kind, 4)
    parameters = list(inspect.signature(method).parameters)
    if len(parameters) != count:
        checker.add(at, f"{name} takes ({', '.join(parameters)})", f"a {kind} handler takes {count - 1} arguments")
        return
    hints, problem = type_hints(method)
    if problem:
        checker.add(at, f"{name}: {problem}", "fix the annotations")
        return
    accepted = models_in(hints.get(parameters[position]))
    if route.model not in accepted:
        remedy = f"annotate {parameters[position]!r} with it"
        checker.add(at, f"{name} does not accept {route.model.__name__}", remedy)
    if kind.is_stateful:
        return
    returned = models_in(hints.get("return"))
    for model in sorted(returned - route.outputs, key=lambda m: m.__name__):
        checker.add(
            places.outputs, f"{name} may return {model.__name__}", f"add it to {field}, or fix the annotation"
        )
    for model in sorted(route.outputs - returned, key=lambda m: m.__name__):
        checker.add(places.outputs, f"{name} never returns {model.__name__}", f"fix {field} or the annotation")


def _check_workflow_methods(workflow: ModelWorkflow, node_class: type[Node], checker: Checker) -> None:
    returned_names = {"completed": workflow.completed, "failed": workflow.failed}
    if workflow.progress:
        returned_names["progress"] = workflow.progress
    start = checker.generic_argument(node_class, 0, ("workflow_coordination",))
    if workflow.continues and start:
        returned_names["continue_as_new"] = start.__name__
    plain = ["deadline"] if workflow.deadline else []
    for step in workflow.steps:
        plain += [f"when_{step.id}"] if step.conditional else []
        if step.command:
            returned_names[step.id] = step.command
        if step.compensate:
            returned_names[f"compensate_{step.id}"] = step.compensate
    at: Location = ("workflow_coordination",)
    for name in plain:
        if not callable(getattr(node_class, name, None)):
            checker.add(at, f"{node_class.__name__}.{name} does not exist", f"write `def {name}(self, run)`")
    for name, model_name in returned_names.items():
        method = getattr(node_class, name, None)
        full = f"{node_class.__name__}.{name}"
        if not callable(method):
            checker.add(at, f"{full} does not exist", f"write `def {name}(self, run) -> {model_name}`")
            continue
        hints, problem = type_hints(method)
        if problem:
            checker.add(at, f"{full}: {problem}", "fix the annotations")
            continue
        returned = {model.__name__ for model in models_in(hints.get("return"))}
        if returned != {model_name}:
            checker.add(at, f"{full} returns {returned or 'nothing'}", f"annotate it with -> {model_name}")
