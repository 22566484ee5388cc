"""State machines, in the forms that contracts use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from onex.codegen.found.binding import Binding
from onex.codegen.found.machine_conditions import read_conditions
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.words import meaning, snake
from onex.model.contract.identifiers import identifier_problem
from onex.model.contract.state_machine import HIGHEST_PRIORITY
from onex.model.enums import EnumNodeKind
from onex.model.topic import kebab

_KEYS = ("state_machine", "fsm", "state_transitions", "fsm_config")
_SUBCONTRACTS = ("fsm", "state_machine", "state_transition")
MIXIN = "MixinStateTransition"
_STATE_NAMES = ("state_name", "name", "id", "state")
_ARROW = re.compile(r"^\s*([A-Za-z0-9_*-]+)\s*(?:->|=>|→)\s*([A-Za-z0-9_-]+)\s*$")
_TRIGGER_FIELD = "trigger"
_ACTION = "write a method for it, and name it under entry_actions or exit_actions of the state"
_OF_TRANSITION = (
    "transition_name",
    "name",
    "id",
    "from_state",
    "from",
    "source",
    "source_state",
    "to_state",
    "to",
    "target",
    "target_state",
    "trigger",
    "event",
    "on",
)


@dataclass(slots=True)
class _Machine:
    states: list[str] = field(default_factory=list)
    terminal: set[str] = field(default_factory=set)
    initial: str = ""
    transitions: list[JsonValue] = field(default_factory=list)


def read_machine(root: Place, kind: EnumNodeKind, binding: Binding, notes: Notes) -> dict[str, JsonValue]:
    """Return ``state_machine`` of the result, or nothing. Refuse a machine that the guard here cannot enforce."""
    place = machine_place(root)
    if place is None:
        return {}
    if kind is not EnumNodeKind.REDUCER:
        _of_code(place, kind, notes)
        return {}
    machine = _Machine()
    _states(place, machine, notes)
    for transition, defaults in _transitions(place):
        _transition(transition, defaults, machine, binding, notes)
    if not machine.transitions or not machine.states:
        notes.refused(place, "has no states, or no transitions between them")
        return {}
    initial = place.get("initial_state", "initial", "start_state")
    if initial is not None:
        machine.initial = initial.text
        notes.taken(initial)
    else:
        notes.refused(place, "has no initial_state")
    state_field = place.get("state_field")
    if state_field is not None and not identifier_problem(state_field.text):
        notes.taken(state_field)
    states: list[JsonValue] = [
        {"name": name, "terminal": True} if name in machine.terminal else {"name": name} for name in machine.states
    ]
    result: dict[str, JsonValue] = {"state_field": state_field.text} if state_field is not None else {}
    return {**result, "initial_state": machine.initial, "states": states, "transitions": machine.transitions}


def machine_place(root: Place) -> Place | None:
    """Return where a contract has its state machine: a key, a subcontract, or the configuration of a mixin."""
    if (found := next((found for key in _KEYS if (found := root.get(key)) and found.is_map), None)) is not None:
        return found
    subcontracts, mixins = root.get("subcontracts"), root.get("mixins")
    found = subcontracts.get(*_SUBCONTRACTS) if subcontracts else None
    if found is not None and found.is_map:
        return found
    for mixin in mixins.children() if mixins else ():
        if mixin.is_map and not mixin.is_off and mixin.text_of("name", "mixin", "class") == MIXIN:
            return mixin.get("config", "configuration")
    return None


def _of_code(place: Place, kind: EnumNodeKind, notes: Notes) -> None:
    """Report each transition of a node that has no keyed state for a guard: it passes them inside of its handlers."""
    for transition, _ in _transitions(place):
        notes.left_out(
            transition, f"the handlers of this {kind} pass it in code: only the machine of a REDUCER is imported"
        )
    if not list(_transitions(place)):
        notes.left_out(
            place, f"the handlers of this {kind} move through it in code: only that of a REDUCER is imported"
        )


def _states(place: Place, machine: _Machine, notes: Notes) -> None:
    listed = place.get("states")
    for state in listed.children() if listed else ():
        in_map = isinstance(state.at[-1], str)
        name = state.key if in_map else (state.text or state.text_of(*_STATE_NAMES))
        if not name:
            notes.refused(state, "names no state")
            continue
        machine.states.append(name)
        notes.taken(state if not state.is_map else (state.get(*_STATE_NAMES) or state), f"the state {name}")
        if not state.is_map:
            continue
        final = state.get("is_terminal", "terminal", "final", "state_type", "type")
        if final is not None and (final.value is True or final.text.lower() in ("terminal", "final", "end")):
            machine.terminal.add(name)
            notes.taken(final)
        first = state.get("is_initial", "initial")
        if first is not None and first.value is True:
            machine.initial = name
        for key in ("entry_actions", "exit_actions", "on_enter", "on_exit", "actions"):
            if (action := state.get(key)) is not None:
                notes.left_out(action, f"is code of the source; {_ACTION}")
    ends = place.get("terminal_states", "final_states", "end_states")
    for end in ends.children() if ends else ():
        machine.terminal.add(end.text)
        notes.taken(end, f"the state {end.text} is terminal")
    # A terminal state from which a transition leads is none.
    leaving = {_texts(t, "from_state", "from", "source", "source_state") for t, _ in _transitions(place)}
    for name in sorted(machine.terminal & {each for texts in leaving for each in texts}):
        machine.terminal.discard(name)
        notes.translated(
            place, f"the state {name} is called terminal, and a transition leads away from it: it is none"
        )


def _texts(place: Place, *keys: str) -> tuple[str, ...]:
    named = place.get(*keys)
    if named is None:
        return ()
    return tuple(leaf.text for leaf in named.leaves() if leaf.text)


def _transitions(place: Place) -> Iterator[tuple[Place, dict[str, str]]]:
    """Yield each transition, with what its surroundings say about it."""
    listed = place.get("transitions")
    for entry in listed.children() if listed else ():
        inner = entry.get("targets", "on") if entry.is_map and isinstance(entry.at[-1], str) else None
        if entry.is_map:
            if inner is None:
                yield entry, {}
        else:
            yield entry, {}
    states = place.get("states")
    for state in states.children() if states and states.is_map else ():
        events = state.get("on", "transitions") if state.is_map else None
        for event in events.children() if events and events.is_map else ():
            yield event, {"from": state.key, "trigger": event.key}


def _transition(place: Place, defaults: dict[str, str], machine: _Machine, binding: Binding, notes: Notes) -> None:
    arrow = _ARROW.match(place.text)
    sources = _texts(place, "from_state", "from", "source", "source_state") or (
        (defaults["from"],) if "from" in defaults else ((arrow[1],) if arrow else ())
    )
    target = (
        place.text_of("to_state", "to", "target", "target_state")
        if place.is_map
        else (arrow[2] if arrow else place.text)
    )
    trigger = defaults.get("trigger") or (place.text_of("trigger", "event", "on") if place.is_map else "")
    if not sources or not target:
        notes.refused(place, "names no state before or after it; write from_state and to_state")
        return
    message, conditions = _event(trigger, place, binding, notes)
    if not message:
        return
    guards: list[JsonValue] = []
    read_conditions(place, conditions, guards, notes)
    priority = _priority(place, notes)
    name = place.text_of("transition_name", "name", "id") if place.is_map else ""
    for source in sources:
        own = name or snake(f"{source if source != '*' else 'any'}_to_{target}")
        machine.transitions.append(
            {
                "name": own if len(sources) == 1 else f"{own}_from_{snake(source)}",
                "from_state": source,
                "to_state": target,
                "trigger": message,
                **({"conditions": list(conditions)} if conditions else {}),
                **({"guards": list(guards)} if guards else {}),
                **({"priority": priority} if priority else {}),
            }
        )
    how = f" when {conditions[0]}" if conditions else ""
    notes.translated(place, f"{', '.join(sources)} -> {target} on {message}{how}", covers=not place.is_map)
    for key in _OF_TRANSITION:
        if place.is_map and (used := place.get(key)) is not None:
            notes.taken(used)
    for key in ("actions", "action", "on_transition", "effects"):
        if place.is_map and (action := place.get(key)) is not None:
            notes.left_out(action, "the handler of the event does it, and returns its intents")


def _event(trigger: str, place: Place, binding: Binding, notes: Notes) -> tuple[str, list[JsonValue]]:
    """Return the message of a trigger, and what it has to say."""
    inputs = list(dict.fromkeys(bound.message for bound in binding.inputs))
    if trigger in binding.aliases and binding.aliases[trigger] in inputs:
        return binding.aliases[trigger], []
    exact = [name for name in inputs if trigger and kebab(name) == kebab(trigger)]
    if len(exact) == 1:
        return exact[0], []
    by_topic = [bound.message for bound in binding.inputs if snake(bound.topic.parsed.name) == snake(trigger)]
    if len(by_topic) == 1:
        return by_topic[0], []
    if len(inputs) == 1:
        if not trigger:
            return inputs[0], []
        notes.translated(place, f"its event {inputs[0]} says the trigger in the field {_TRIGGER_FIELD!r}")
        return inputs[0], [f"{_TRIGGER_FIELD} == {trigger}"]
    about = meaning(trigger)
    scores = {bound.message: len(about & meaning(bound.topic.parsed.name)) for bound in binding.inputs}
    best = [name for name, score in scores.items() if score == max(scores.values(), default=0) > 0]
    if len(best) == 1:
        notes.translated(place, f"its trigger {trigger!r} is {best[0]}, by its words; check that it is the right one")
        return best[0], []
    shown = ", ".join(inputs)
    notes.refused(place, f"no message that the node takes is the trigger {trigger!r}; it takes {shown}")
    return "", []


def _priority(place: Place, notes: Notes) -> int:
    found = place.get("priority") if place.is_map else None
    match found.value if found else None:
        case bool():
            pass
        case int(priority) if found and abs(priority) <= HIGHEST_PRIORITY:
            notes.translated(found, "the transition with the higher priority is tried first")
            return priority
    if found:
        notes.refused(found, f"is no whole number between -{HIGHEST_PRIORITY} and {HIGHEST_PRIORITY}")
    return 0
