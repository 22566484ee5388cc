"""A declared state machine as a guard around the handlers of a reducer or an orchestrator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from typing_extensions import TypeIs

from onex.errors import RejectedError, WrongOutputError
from onex.model.context import Context
from onex.model.contract import ModelStateMachine, ModelTransition
from onex.model.contract.comparison import compile_guard
from onex.model.contract.guards import ModelGuard
from onex.model.contract.state_machine import parse_condition
from onex.model.message import Message
from onex.node import Decision, Reduction
from onex.workflow.joined import joined_decision, joined_reduction

R = TypeVar("R", Reduction[Message], Decision[Message])
Handler = Callable[[Message | None, Message, Context], R]
"""A handler of a keyed kind, or an action: both take and return the same."""
Actions = Mapping[str, Callable[..., object]]
"""Methods of the node, by the names that the machine has for them."""
_Holds = Callable[[Message | None, Message], bool]


class _Way(NamedTuple):
    """A transition from the current state on the current event."""

    holds: _Holds
    target: str


@dataclass(frozen=True, slots=True)
class _Machine:
    """A machine with its guards compiled for the classes of the node."""

    model: ModelStateMachine
    as_state: Callable[[str], object]
    ways: Mapping[tuple[str, str], Sequence[_Way]]
    """By state and trigger, in the order in which they are tried."""
    undeclared: Mapping[str, Sequence[_Way]]
    """By trigger: the ways from a state that the machine does not declare, which an earlier contract has left."""

    def current(self, state: Message | None) -> str:
        """Return the name of the state of a key."""
        return self.model.initial_state if state is None else _text(getattr(state, self.model.state_field))

    def target(self, current: str, state: Message | None, event: Message) -> str:
        """Return the state to which an event leads. Raise RejectedError when it leads to none."""
        trigger = type(event).__name__
        ways = self.ways.get((current, trigger))
        if ways is None:
            ways = () if current in self.names else self.undeclared.get(trigger, ())
        for way in ways:
            if way.holds(state, event):
                return way.target
        raise RejectedError(f"no transition from {current!r} on {trigger}")

    @property
    def names(self) -> frozenset[str]:
        return frozenset(state.name for state in self.model.states)

    def in_state(self, message: Message, name: str) -> Message:
        """Return the state with its field set."""
        return message.model_copy(update={self.model.state_field: self.as_state(name)})


@dataclass(frozen=True, slots=True)
class _Kind(Generic[R]):
    """What a result of a kind of node is, and how several become one."""

    result: type[R]
    joined: Callable[[Sequence[R], Message | None], R]


def guard_reducer(
    machine: ModelStateMachine, state_model: type[Message], events: Mapping[str, type[Message]], actions: Actions
) -> Callable[[Handler[Reduction[Message]]], Handler[Reduction[Message]]]:
    """Return a wrapper of reducers, by which only declared transitions run, and the state field follows them.

    ``events`` has the message classes by trigger. The contract was checked against the classes before.

    The guard rejects an event without a transition from the current state, which becomes a dead letter: a state that
    silently misses events stays wrong.
    """
    kind: _Kind[Reduction[Message]] = _Kind(Reduction, joined_reduction)
    return partial(_guarded, _compiled(machine, state_model, events), kind, actions)


def guard_orchestrator(
    machine: ModelStateMachine, state_model: type[Message], events: Mapping[str, type[Message]], actions: Actions
) -> Callable[[Handler[Decision[Message]]], Handler[Decision[Message]]]:
    """As :func:`guard_reducer`, for handlers that return decisions. Timers are events, too."""
    kind: _Kind[Decision[Message]] = _Kind(Decision, joined_decision)
    return partial(_guarded, _compiled(machine, state_model, events), kind, actions)


def _guarded(machine: _Machine, kind: _Kind[R], methods: Actions, handler: Handler[R]) -> Handler[R]:
    """Return the handler between the exit actions of the state before and the entry actions of the state after it."""
    states = machine.model.states
    exits = {state.name: [(name, methods[name]) for name in state.exit_actions] for state in states}
    entries = {state.name: [(name, methods[name]) for name in state.entry_actions] for state in states}

    def guarded(state: Message | None, event: Message, context: Context) -> R:
        current = machine.current(state)
        target = machine.target(current, state, event)
        leading = context.leading_to(target)
        parts: list[R] = []
        for name, action in exits.get(current, ()):
            part = _part(kind, name, action(state, event, leading), keeps_state=state is not None)
            state = None if part.state is None else machine.in_state(part.state, current)
            parts.append(part)
        result = handler(state, event, leading)
        if type(result) is not kind.result:
            return result  # the caller refuses it, and names the handler's kind
        parts.append(result)
        if result.state is None:
            return kind.joined(parts, None)
        moved = machine.in_state(result.state, target)
        for name, action in entries[target]:
            part = _part(kind, name, action(moved, event, leading), keeps_state=True)
            assert part.state is not None
            moved = machine.in_state(part.state, target)
            parts.append(part)
        return kind.joined(parts, moved)

    return guarded


def _part(kind: _Kind[R], name: str, result: object, *, keeps_state: bool) -> R:
    """Return the result of an action. Raise WrongOutputError: only the handler deletes a state."""
    if type(result) is not kind.result:
        raise WrongOutputError(f"action {name} returned {type(result).__name__}, not a {kind.result.__name__}")
    if keeps_state and result.state is None:
        raise WrongOutputError(f"action {name} returned no state; only a handler can delete it")
    return result


def _compiled(
    machine: ModelStateMachine, state_model: type[Message], events: Mapping[str, type[Message]]
) -> _Machine:
    annotation = state_model.model_fields[machine.state_field].annotation
    as_state: Callable[[str], object] = annotation if _is_enum(annotation) else str
    holds = {id(each): _holds(each, state_model, events[each.trigger]) for each in machine.transitions}
    ways: dict[tuple[str, str], list[_Way]] = {}
    for state in machine.states:
        for each in machine.leaving(state.name):
            ways.setdefault((state.name, each.trigger), []).append(_Way(holds[id(each)], each.to_state))
    undeclared: dict[str, list[_Way]] = {}
    for _, each in machine.in_order:
        if each.is_wildcard:
            undeclared.setdefault(each.trigger, []).append(_Way(holds[id(each)], each.to_state))
    return _Machine(machine, as_state, ways, undeclared)


def _is_enum(annotation: object) -> TypeIs[type[Enum]]:
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _holds(transition: ModelTransition, state_model: type[Message], event_model: type[Message]) -> _Holds:
    """Return whether all conditions and guards of a transition are true."""
    conditions = [parse_condition(condition) for condition in transition.conditions]
    of_event = [_test(guard, event_model) for guard in transition.guards if not guard.is_of_state]
    of_state = [_test(guard, state_model) for guard in transition.guards if guard.is_of_state]

    def holds(state: Message | None, event: Message) -> bool:
        if of_state and (state is None or not all(test(state) for test in of_state)):
            return False
        if not all(test(event) for test in of_event):
            return False
        return all((_text(getattr(event, field)) == value) is (op == "==") for field, op, value in conditions)

    return holds


def _test(guard: ModelGuard, model: type[Message]) -> Callable[[Message], bool]:
    name, test = guard.name, compile_guard(guard, model.model_fields[guard.name].annotation)
    return lambda message: test(getattr(message, name))


def _text(value: object) -> str:
    """Return the text of a field as contracts write it: members of any enum by value."""
    return str(value.value) if isinstance(value, Enum) else str(value)
