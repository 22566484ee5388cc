"""Checks a declared state machine against the classes of its node."""

from collections.abc import Mapping
from enum import Enum

from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelStateMachine
from onex.model.contract.state_machine import parse_condition
from onex.model.message import Message

_AT: Location = ("state_machine",)


def check_state_machine(
    machine: ModelStateMachine, state: type[Message], handled: Mapping[str, type[Message]], checker: Checker
) -> None:
    """Report what would fail at start or at an event: the field of the state, triggers, conditions.

    ``handled`` has the messages that the node takes, by class name.
    """
    field = state.model_fields.get(machine.state_field)
    if field is None:
        checker.add((*_AT, "state_field"), f"{state.__name__} has no field {machine.state_field!r}", "fix the name")
    elif isinstance(field.annotation, type) and issubclass(field.annotation, Enum):
        _check_states(machine, field.annotation, checker)
    elif field.annotation is not str:
        words = f"{state.__name__}.{machine.state_field} is neither text nor an enum"
        checker.add((*_AT, "state_field"), words, "make it a str, or an enum of the states")
    for index, transition in enumerate(machine.transitions):
        at: Location = (*_AT, "transitions", index)
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


def _check_states(machine: ModelStateMachine, enum: type[Enum], checker: Checker) -> None:
    """Report states that the enum lacks: a transition to one would fail."""
    values = {member.value for member in enum}
    if missing := [state.name for state in machine.states if state.name not in values]:
        checker.add(
            (*_AT, "states"), f"{enum.__name__} has no {', '.join(missing)}", "add the members, or fix the names"
        )
