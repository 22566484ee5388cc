"""Checks a declared state machine against the classes of its node."""

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Final

from onex.contract.check_actions import check_actions
from onex.contract.checker import Checker
from onex.contract.signature import models_in, type_hints
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract, ModelStateMachine, ModelTransition
from onex.model.contract.comparison import compile_guard
from onex.model.contract.state_machine import parse_condition
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.node import Node, TimerFired

_EVENT: Final = 2
"""Index of the event among the parameters of a handler."""


def check_state_machine(
    contract: ModelContract,
    node_class: type[Node],
    state: type[Message],
    handled: Mapping[str, type[Message]],
    checker: Checker,
) -> None:
    """Report what would fail at start or at an event: the field of the state, triggers, conditions, guards, actions.

    ``handled`` has the messages that the node takes, by class name.
    """
    machine, under = contract.state_machine, contract.machine_at
    if machine is None:
        return
    _check_field(machine, state, under, checker)
    for index, transition in enumerate(machine.transitions):
        at: Location = (*under, "transitions", index)
        event = handled.get(transition.trigger)
        if event is None:
            words = f"no handler takes {transition.trigger}"
            checker.add((*at, "trigger"), words, f"the node takes {', '.join(sorted(handled))}")
            continue
        for condition in transition.conditions:
            name = parse_condition(condition)[0]
            if name not in event.model_fields:
                words = f"{transition.trigger} has no field {name!r}"
                checker.add((*at, "conditions"), words, f"it has {', '.join(event.model_fields)}")
        _check_guards(transition, event, state, at, checker)
    if contract.node_type is EnumNodeKind.ORCHESTRATOR:
        _check_timers(machine, node_class, under, checker)
    if not checker.problems:
        check_actions(machine, node_class, handled, under, checker)


def _check_field(machine: ModelStateMachine, state: type[Message], under: Location, checker: Checker) -> None:
    field = state.model_fields.get(machine.state_field)
    if field is None:
        checker.add((*under, "state_field"), f"{state.__name__} has no field {machine.state_field!r}", "fix the name")
    elif isinstance(field.annotation, type) and issubclass(field.annotation, Enum):
        values = {member.value for member in field.annotation}
        if missing := [each.name for each in machine.states if each.name not in values]:
            # A transition to one of them would fail.
            words = f"{field.annotation.__name__} has no {', '.join(missing)}"
            checker.add((*under, "states"), words, "add the members, or fix the names")
    elif field.annotation is not str:
        words = f"{state.__name__}.{machine.state_field} is neither text nor an enum"
        checker.add((*under, "state_field"), words, "make it a str, or an enum of the states")


def _check_guards(
    transition: ModelTransition, event: type[Message], state: type[Message], at: Location, checker: Checker
) -> None:
    for index, guard in enumerate(transition.guards):
        here: Location = (*at, "guards", index)
        model = state if guard.is_of_state else event
        field = model.model_fields.get(guard.name)
        if field is None:
            words = f"{model.__name__} has no field {guard.name!r}"
            checker.add((*here, "field"), words, f"it has {', '.join(model.model_fields)}")
            continue
        try:
            compile_guard(guard, field.annotation)
        except ValueError as error:
            words = f"{guard.operator} does not fit {model.__name__}.{guard.name}: {error}"
            checker.add((*here, "value"), words, "write a constant of the type of the field")


def _check_timers(machine: ModelStateMachine, node_class: type[Node], under: Location, checker: Checker) -> None:
    """Report timers that no transition takes, and transitions that no timer takes: ``decide`` gets all timers."""
    name, decide = TimerFired.__name__, getattr(node_class, "decide", None)
    triggered = [index for index, each in enumerate(machine.transitions) if each.trigger == name]
    if decide is None and triggered:
        words = f"{node_class.__name__} has no method decide, which takes timers"
        checker.add((*under, "transitions", triggered[0], "trigger"), words, "write it, or remove the transition")
    if decide is not None and not triggered:
        parameters = list(inspect.signature(decide).parameters)
        hints, _ = type_hints(decide)
        if len(parameters) > _EVENT and TimerFired in models_in(hints.get(parameters[_EVENT])):
            words = f"{node_class.__name__}.decide takes {name}, and no transition does: timers would be dead letters"
            remedy = f"add a transition with `trigger: {name}`, or remove it from the annotation"
            checker.add((*under, "transitions"), words, remedy)
