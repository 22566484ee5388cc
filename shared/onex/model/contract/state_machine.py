"""A declared finite state machine of a reducer."""

import re

from pydantic import Field, field_validator, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import ClassName, Identifier

_CONDITION = re.compile(r"([a-z_][a-z0-9_]*) (==|!=) (.+)")


def parse_condition(text: str) -> tuple[str, str, str]:
    """Return field, operator and value of a condition. Raise ValueError."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no condition; write `field == value` or `field != value`")
    return found[1], found[2], found[3]


class ModelFsmState(ContractPart):
    """A state of the machine."""

    name: str
    """Value of the state field."""
    terminal: bool = False
    """Whether no transition leads away from it."""


class ModelTransition(ContractPart):
    """A transition from ``from_state`` to ``to_state`` when the event ``trigger`` comes."""

    name: str
    """Name for people, shown in errors."""
    from_state: str
    """State before the transition. ``*``: any state that is not terminal."""
    to_state: str
    """State after the transition."""
    trigger: ClassName
    """Class name of the event."""
    conditions: tuple[str, ...] = ()
    """Conditions over fields of the event, ``field == value`` or ``field != value``. All must be true."""

    @field_validator("conditions")
    @classmethod
    def _parse_conditions(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        for condition in conditions:
            parse_condition(condition)
        return conditions


class ModelStateMachine(ContractPart):
    """States and transitions of a reducer. A guard around the handler enforces them."""

    state_field: Identifier = "status"
    """Field of the state model with the name of the state."""
    initial_state: str
    """State of a new key."""
    states: tuple[ModelFsmState, ...] = Field(min_length=1)
    """All states."""
    transitions: tuple[ModelTransition, ...] = Field(min_length=1)
    """All transitions. An event without a transition becomes a dead letter."""

    @model_validator(mode="after")
    def _is_closed(self) -> "ModelStateMachine":
        names = [state.name for state in self.states]
        terminal = {state.name for state in self.states if state.terminal}
        problems = []
        if len(set(names)) != len(names):
            problems.append("a state is declared twice")
        if self.initial_state not in names:
            problems.append(f"initial_state {self.initial_state!r} is not a state")
        seen: set[tuple[str, str, tuple[str, ...]]] = set()
        for transition in self.transitions:
            if transition.from_state not in (*names, "*"):
                problems.append(f"{transition.name}: from_state {transition.from_state!r} is not a state")
            if transition.to_state not in names:
                problems.append(f"{transition.name}: to_state {transition.to_state!r} is not a state")
            if transition.from_state in terminal:
                problems.append(f"{transition.name}: {transition.from_state!r} is terminal")
            edge = (transition.from_state, transition.trigger, transition.conditions)
            if edge in seen:
                problems.append(f"{transition.name}: {edge[0]!r} on {edge[1]} is declared twice")
            seen.add(edge)
        if problems:
            raise ValueError("; ".join(problems))
        return self
