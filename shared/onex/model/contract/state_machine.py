"""A declared finite state machine of a reducer or an orchestrator."""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import Field, field_validator, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.guards import ModelGuard
from onex.model.contract.identifiers import ClassName, Identifier

ANY_STATE: Final = "*"
"""Source of a transition from each state that is not terminal."""
MOST_ACTIONS: Final = 10
MOST_GUARDS: Final = 20
HIGHEST_PRIORITY: Final = 1000
_CONDITION = re.compile(r"([a-z_][a-z0-9_]*) (==|!=) (.+)")


def parse_condition(text: str) -> tuple[str, str, str]:
    """Return field, operator and value of a condition. Raise ValueError."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no condition; write `field == value` or `field != value`, which compare texts, "
            "or `guards`, which compare values of any type"
        )
    return found[1], found[2], found[3]


class ModelFsmState(ContractPart):
    """A state of the machine."""

    name: str
    """Value of the state field."""
    terminal: bool = False
    """Whether no transition leads away from it."""
    entry_actions: tuple[Identifier, ...] = Field(default=(), max_length=MOST_ACTIONS)
    """Methods of the node, called in this order after the handler of a transition to this state. They take and return
    what the handler does. The initial state of a new key is not entered by a transition."""
    exit_actions: tuple[Identifier, ...] = Field(default=(), max_length=MOST_ACTIONS)
    """Methods of the node, called in this order before the handler of a transition from this state."""


class ModelTransition(ContractPart):
    """A transition from ``from_state`` to ``to_state`` when the event ``trigger`` comes."""

    name: str
    """Name for people, shown in errors."""
    from_state: str
    """State before the transition. ``*``: any state that is not terminal."""
    to_state: str
    """State after the transition."""
    trigger: ClassName
    """Class name of the event. ``TimerFired`` is a timer of an ORCHESTRATOR."""
    conditions: tuple[str, ...] = ()
    """Conditions over fields of the event, ``field == value`` or ``field != value``, compared as texts. All must be
    true."""
    guards: tuple[ModelGuard, ...] = Field(default=(), max_length=MOST_GUARDS)
    """Comparisons of a field with a constant of its type. All must be true, in addition to ``conditions``."""
    priority: int = Field(default=0, ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, strict=True)
    """The first transition whose conditions and guards are true runs: those with a higher priority first, then those
    from the very state before those from ``*``, then in the order of the contract."""

    @field_validator("conditions")
    @classmethod
    def _parse_conditions(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        for condition in conditions:
            parse_condition(condition)
        return conditions

    @property
    def is_wildcard(self) -> bool:
        """Whether it leads away from each state that is not terminal."""
        return self.from_state == ANY_STATE

    @property
    def requirements(self) -> frozenset[tuple[str, str]]:
        """Return what must be true, in a form that differs for different constants."""
        guards = {("guard", str(guard)) for guard in self.guards}
        return frozenset({("condition", condition) for condition in self.conditions} | guards)


class ModelStateMachine(ContractPart):
    """States and transitions of a reducer or an orchestrator. A guard around the handlers enforces them."""

    state_field: Identifier = "status"
    """Field of the state model with the name of the state."""
    initial_state: str
    """State of a new key."""
    states: tuple[ModelFsmState, ...] = Field(min_length=1)
    """All states."""
    transitions: tuple[ModelTransition, ...] = Field(min_length=1)
    """All transitions. An event without a transition becomes a dead letter."""

    @property
    def terminal(self) -> frozenset[str]:
        """Names of the states that no transition leaves."""
        return frozenset(state.name for state in self.states if state.terminal)

    @property
    def in_order(self) -> tuple[tuple[int, ModelTransition], ...]:
        """All transitions in the order in which they are tried, with their index in the contract."""
        listed = enumerate(self.transitions)
        return tuple(sorted(listed, key=lambda each: (-each[1].priority, each[1].is_wildcard, each[0])))

    def leaving(self, state: str) -> Iterator[ModelTransition]:
        """Yield the transitions from a state in the order in which they are tried. The state may be undeclared."""
        is_terminal = state in self.terminal
        for _, transition in self.in_order:
            if transition.from_state == state or (transition.is_wildcard and not is_terminal):
                yield transition

    def beginning(self) -> Iterator[ModelTransition]:
        """Yield the transitions that a new key may pass: it has no state that a guard could compare."""
        for transition in self.leaving(self.initial_state):
            if not any(guard.is_of_state for guard in transition.guards):
                yield transition

    def can_begin(self, event: str) -> bool:
        """Return whether an event may be the first of its key."""
        return any(transition.trigger == event for transition in self.beginning())

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of all entry and exit actions, each once."""
        named = (name for state in self.states for name in (*state.entry_actions, *state.exit_actions))
        return tuple(dict.fromkeys(named))

    @model_validator(mode="after")
    def _is_closed(self) -> "ModelStateMachine":
        names = [state.name for state in self.states]
        terminal = self.terminal
        problems = []
        if len(set(names)) != len(names):
            problems.append("a state is declared twice")
        if self.initial_state not in names:
            problems.append(f"initial_state {self.initial_state!r} is not a state")
        seen: set[tuple[str, str, frozenset[tuple[str, str]]]] = set()
        for transition in self.transitions:
            if transition.from_state not in (*names, ANY_STATE):
                problems.append(f"{transition.name}: from_state {transition.from_state!r} is not a state")
            if transition.to_state not in names:
                problems.append(f"{transition.name}: to_state {transition.to_state!r} is not a state")
            if transition.from_state in terminal:
                problems.append(f"{transition.name}: {transition.from_state!r} is terminal")
            edge = (transition.from_state, transition.trigger, transition.requirements)
            if edge in seen:
                problems.append(f"{transition.name}: {edge[0]!r} on {edge[1]} is declared twice")
            seen.add(edge)
        if problems:
            raise ValueError("; ".join(problems))
        return self
