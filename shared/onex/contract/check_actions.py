"""Checks the entry and exit actions of a state machine against the methods of its node."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Final, NamedTuple, get_args

from onex.contract.checker import Checker
from onex.contract.signature import models_in, type_hints
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelStateMachine
from onex.model.message import Message
from onex.node import Node

_PARAMETERS: Final = 4
"""``self``, state, event and context."""


class _Action(NamedTuple):
    """A method, and the events with which it is called."""

    at: Location
    name: str
    triggers: Sequence[str]
    first: bool
    """Whether it is also called for a new key, which has no state yet."""


def check_actions(
    machine: ModelStateMachine,
    node_class: type[Node],
    handled: Mapping[str, type[Message]],
    under: Location,
    checker: Checker,
) -> None:
    """Report actions that do not exist, cannot be called as handlers are, or refuse events of their state."""
    for action in _actions(machine, under):
        method = getattr(node_class, action.name, None)
        full = f"{node_class.__name__}.{action.name}"
        if not callable(method):
            checker.add(action.at, f"{full} does not exist", "write it as a handler is written, or fix the name")
            continue
        events = [handled[trigger] for trigger in action.triggers]
        for words, remedy in _problems(method, events, is_first=action.first):
            checker.add(action.at, f"{full} {words}", remedy)


def _actions(machine: ModelStateMachine, under: Location) -> Iterator[_Action]:
    for index, state in enumerate(machine.states):
        entering = [each.trigger for each in machine.transitions if each.to_state == state.name]
        leaving = [each.trigger for each in machine.leaving(state.name)]
        for key, names, triggers in (
            ("entry_actions", state.entry_actions, entering),
            ("exit_actions", state.exit_actions, leaving),
        ):
            first = key == "exit_actions" and state.name == machine.initial_state
            for number, name in enumerate(names):
                at: Location = (*under, "states", index, key, number)
                yield _Action(at, name, list(dict.fromkeys(triggers)), first)


def _problems(
    method: Callable[..., object], events: Sequence[type[Message]], *, is_first: bool
) -> Iterator[tuple[str, str]]:
    if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
        yield "is the wrong sort of function", "an action is a plain def"
        return
    parameters = list(inspect.signature(method).parameters)
    if len(parameters) != _PARAMETERS:
        yield f"takes ({', '.join(parameters)})", "an action takes (self, state, event, context)"
        return
    hints, problem = type_hints(method)
    if problem:
        yield f"cannot be checked: {problem}", "fix the annotations"
        return
    accepted = tuple(models_in(hints.get(parameters[2])))
    for event in events:
        if not issubclass(event, accepted):
            yield f"does not accept {event.__name__}", f"annotate {parameters[2]!r} with it, or with Message"
    if is_first and NoneType not in get_args(hints.get(parameters[1])):
        words = "does not accept None, and the first event of a key leaves the initial state without one"
        yield words, f"let the annotation of {parameters[1]!r} end in `| None`"
