"""Checks of a state machine without its classes: what never runs, and guards over ``definitions``."""

from collections.abc import Iterator, Mapping

from onex.contract.language.types import Models, names
from onex.contract.language.values import Problem
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract, ModelStateMachine, ModelTransition
from onex.model.contract.comparison import compile_guard
from onex.model.contract.field_type import to_annotation
from onex.model.contract.guards import ModelGuard
from onex.model.message import Message


def check_machine(contract: ModelContract, machine: ModelStateMachine) -> Iterator[Problem]:
    """Check that every transition and every action can run, and each guard whose message ``definitions`` has."""
    under = contract.machine_at
    yield from _unreachable(machine, under)
    yield from _never_called(machine, under)
    if contract.definitions is None:
        return
    models = contract.definitions.models
    for index, transition in enumerate(machine.transitions):
        for number, guard in enumerate(transition.guards):
            at: Location = (*under, "transitions", index, "guards", number)
            owner = contract.definitions.state if guard.is_of_state else transition.trigger
            if owner in models:
                yield from _guard(guard, owner, models, at)


def _guard(guard: ModelGuard, owner: str, models: Models, at: Location) -> Iterator[Problem]:
    fields = models[owner].fields
    if guard.name not in fields:
        yield (*at, "field"), f"{owner} has no field {guard.name!r}", f"it has {names(fields)}"
        return
    try:
        compile_guard(guard, to_annotation(fields[guard.name], dict.fromkeys(models, Message)))
    except ValueError as error:
        words = f"{guard.operator} does not fit {owner}.{guard.name}: {error}"
        yield (*at, "value"), words, "write a constant of the type of the field"


def _unreachable(machine: ModelStateMachine, under: Location) -> Iterator[Problem]:
    """Yield transitions that never run, because others are tried before them that require no more."""
    before: dict[str, list[ModelTransition]] = {}
    terminal = machine.terminal
    leaving = [state.name for state in machine.states if state.name not in terminal]
    for index, transition in machine.in_order:
        earlier = before.setdefault(transition.trigger, [])
        # The first of the others, by state.
        wider = [other for other in reversed(earlier) if other.requirements <= transition.requirements]
        shadows = {other.from_state: other for other in wider}
        if hidden_by := _hidden_by(transition, shadows, leaving):
            others = names(dict.fromkeys(repr(other.name) for other in hidden_by))
            how = "comes first and asks" if len(hidden_by) == 1 else "come first and ask"
            words = f"{transition.name!r} never runs: on {transition.trigger}, {others} {how} for no more"
            remedy = "give it a higher priority, give the other a guard that it lacks, or remove one of them"
            yield (*under, "transitions", index), words, remedy
        earlier.append(transition)


def _hidden_by(
    transition: ModelTransition, shadows: Mapping[str, ModelTransition], leaving: list[str]
) -> list[ModelTransition]:
    """Return the transitions that are always taken in place of one. Empty when it can run from some state."""
    if "*" in shadows:
        return [shadows["*"]]
    sources = leaving if transition.is_wildcard else [transition.from_state]
    found = [shadows[source] for source in sources if source in shadows]
    return found if len(found) == len(sources) else []


def _never_called(machine: ModelStateMachine, under: Location) -> Iterator[Problem]:
    """Yield actions of states that no transition enters or leaves."""
    entered = {transition.to_state for transition in machine.transitions}
    for index, state in enumerate(machine.states):
        at: Location = (*under, "states", index)
        if state.entry_actions and state.name not in entered:
            words = f"no transition leads to {state.name!r}, so that its entry actions never run"
            remedy = "remove them; the initial state of a new key is not entered by a transition"
            yield (*at, "entry_actions"), words, remedy
        if state.exit_actions and not any(machine.leaving(state.name)):
            words = f"no transition leaves {state.name!r}, so that its exit actions never run"
            yield (*at, "exit_actions"), words, "remove them, or add a transition"
