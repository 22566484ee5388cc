"""A declared state machine as a guard around a reducer."""

from collections.abc import Callable, Sequence
from enum import Enum

from typing_extensions import TypeIs

from onex.errors import RejectedError
from onex.model.contract import ModelStateMachine
from onex.model.contract.state_machine import parse_condition
from onex.model.message import Message
from onex.node import Context, Reduction

Holds = Callable[[Message], bool]
Reduce = Callable[[Message | None, Message, Context], Reduction[Message]]


def compile_state_machine(machine: ModelStateMachine, state_model: type[Message]) -> Callable[[Reduce], Reduce]:
    """Wrap reducers so that only declared transitions run, and the state field follows them.

    The contract was checked against the classes before.

    The guard rejects an event without a transition from the current state, which becomes a dead letter: a state that
    silently misses events stays wrong.
    """
    annotation = state_model.model_fields[machine.state_field].annotation
    as_state: Callable[[str], object] = annotation if _is_enum(annotation) else str
    transitions: dict[tuple[str, str], list[tuple[Holds, str]]] = {}
    for item in machine.transitions:
        transitions.setdefault((item.from_state, item.trigger), []).append((_holds(item.conditions), item.to_state))
    terminal = {state.name for state in machine.states if state.terminal}

    def guard(reduce: Reduce) -> Reduce:
        def guarded(state: Message | None, event: Message, context: Context) -> Reduction[Message]:
            current = machine.initial_state if state is None else _text(getattr(state, machine.state_field))
            trigger = type(event).__name__
            candidates = list(transitions.get((current, trigger), ()))
            if current not in terminal:
                candidates += transitions.get(("*", trigger), ())
            target = next((to_state for holds, to_state in candidates if holds(event)), None)
            if target is None:
                raise RejectedError(f"no transition from {current!r} on {trigger}")
            reduction = reduce(state, event, context.leading_to(target))
            if reduction.state is None:
                return reduction
            moved = reduction.state.model_copy(update={machine.state_field: as_state(target)})
            return Reduction(moved, reduction.intents)

        return guarded

    return guard


def _is_enum(annotation: object) -> TypeIs[type[Enum]]:
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _holds(conditions: Sequence[str]) -> Holds:
    parsed = [parse_condition(condition) for condition in conditions]

    def holds(event: Message) -> bool:
        return all((_text(getattr(event, field)) == value) is (op == "==") for field, op, value in parsed)

    return holds


def _text(value: object) -> str:
    """Return the text of a field as contracts write it: members of any enum by value."""
    return str(value.value) if isinstance(value, Enum) else str(value)
