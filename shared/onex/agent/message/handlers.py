"""The four kinds as one shape: (state, message, context) -> Result. Adapters are picked once at start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar, cast

from onex.capability import AddedOutputs, Proceed
from onex.capability.layer import fold, fold_checks
from onex.contract import ResolvedNode, Route
from onex.contract.signature import may_return_none
from onex.errors import WrongOutputError
from onex.model.contract import ModelStateMachine
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Context, Decision, Node, Reduction, SetTimer
from onex.workflow import WorkflowState, compile_workflow, facts_of, guard_orchestrator, guard_reducer
from onex.workflow.facts import Fact

Emission = Message | Addressed
State = TypeVar("State", bound=Message)


class Result(NamedTuple):
    """What a handler of a keyed kind asks for. Replies to ``commands`` return to this key.

    A tuple: one is made for every message.
    """

    state: Message | None = None
    events: Sequence[Emission] = ()
    commands: Sequence[Emission] = ()
    timers: Sequence[SetTimer | CancelTimer] = ()
    facts: Sequence[Fact] = ()
    """What changes in the run of a declared workflow."""


Handle = Callable[..., object]
"""COMPUTE: ``(message) -> outputs``; EFFECT: ``async (message, context) -> outputs``; keyed kinds:
``(state, message, context) -> Result``."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Handlers by name of their route, the handler of timers and the type of the keyed state."""

    handlers: Mapping[str, Handle]
    state_model: type[Message] | None = None
    timers: Handle | None = None


def handle_of(resolved: ResolvedNode, node: Node, layers: Sequence[object] = ()) -> Behaviour:
    """Return the handlers of a node as the engine calls them, within the layers of its capabilities."""
    behaviour = _behaviour_of(resolved, node)
    kind = resolved.contract.node_type
    handlers: Mapping[str, Handle]
    if kind is EnumNodeKind.EFFECT:
        handlers = {topic: fold(layers, cast(Proceed, handle)) for topic, handle in behaviour.handlers.items()}
    else:
        keyed = kind.is_stateful
        handlers = {topic: fold_checks(layers, handle, keyed=keyed) for topic, handle in behaviour.handlers.items()}
        if any(metadata.publishes for metadata in node.capabilities.start):
            return _with_added_outputs(replace(behaviour, handlers=handlers), resolved, node)
    return replace(behaviour, handlers=handlers)


def _with_added_outputs(behaviour: Behaviour, resolved: ResolvedNode, node: Node) -> Behaviour:
    """Return handlers whose results include what capabilities add during the call."""
    added = node.container.get(AddedOutputs)
    if resolved.contract.node_type.is_stateful:
        keyed = {topic: _keyed_with(added, handle) for topic, handle in behaviour.handlers.items()}
        timers = None if behaviour.timers is None else _keyed_with(added, behaviour.timers)
        return replace(behaviour, handlers=keyed, timers=timers)
    routes = {route.name: route for route in resolved.all_routes}
    handlers = {
        name: _computing_with(added, handle, promise_of(resolved, routes[name]))
        for name, handle in behaviour.handlers.items()
    }
    return replace(behaviour, handlers=handlers)


def _computing_with(added: AddedOutputs, handle: Handle, promise: str) -> Handle:
    def computing(message: Message) -> object:
        result, more = added.during(handle, message)
        if not more:
            return result
        if result is None:
            require_none_allowed(promise)
        return (*as_emissions(result), *more)

    return computing


def _keyed_with(added: AddedOutputs, handle: Handle) -> Handle:
    def keyed(state: Message | None, message: Message, context: Context) -> Result:
        result, more = added.during(cast(Callable[..., Result], handle), state, message, context)
        return result._replace(events=(*result.events, *more)) if more else result

    return keyed


def promise_of(resolved: ResolvedNode, route: Route) -> str:
    """Return the name of a COMPUTE's or EFFECT's handler whose annotation excludes None; empty for others."""
    method = getattr(resolved.node_class, route.method, None)
    if resolved.contract.node_type.is_stateful or method is None or may_return_none(method):
        return ""
    return f"{resolved.node_class.__name__}.{route.method}"


def require_none_allowed(promise: str) -> None:
    """Raise WrongOutputError when the annotation of the handler excludes None, which it returned."""
    if promise:
        raise WrongOutputError(f"{promise} returned None, which its annotation excludes")


def _behaviour_of(resolved: ResolvedNode, node: Node) -> Behaviour:
    contract = resolved.contract
    routes = {route.name: route for route in resolved.all_routes}
    match contract.node_type:
        case EnumNodeKind.COMPUTE | EnumNodeKind.EFFECT:
            return Behaviour({topic: getattr(node, route.method) for topic, route in routes.items()})
        case EnumNodeKind.REDUCER:
            reducers = {topic: getattr(node, route.method) for topic, route in routes.items()}
            if contract.state_machine and resolved.state_model:
                machine = contract.state_machine
                guard = guard_reducer(machine, resolved.state_model, resolved.triggers, _actions(machine, node))
                reducers = {topic: guard(reduce) for topic, reduce in reducers.items()}
            handlers = {topic: _reducing(reduce) for topic, reduce in reducers.items()}
            return Behaviour(handlers, resolved.state_model)
        case EnumNodeKind.ORCHESTRATOR:
            if contract.workflow_coordination:
                workflow = compile_workflow(resolved, node)
                decide = _running(workflow.decide)
                return Behaviour(dict.fromkeys(routes, decide), workflow.state_model, decide)
            deciders = {topic: getattr(node, route.method) for topic, route in routes.items()}
            fired = getattr(node, "decide", None)
            if contract.state_machine and resolved.state_model:
                machine = contract.state_machine
                around = guard_orchestrator(machine, resolved.state_model, resolved.triggers, _actions(machine, node))
                deciders = {topic: around(decide) for topic, decide in deciders.items()}
                fired = around(fired) if fired else None
            handlers = {topic: _deciding(decide) for topic, decide in deciders.items()}
            return Behaviour(handlers, resolved.state_model, _deciding(fired) if fired else None)


def _actions(machine: ModelStateMachine, node: Node) -> Mapping[str, Handle]:
    return {name: getattr(node, name) for name in machine.actions}


def _reducing(reduce: Callable[..., object]) -> Handle:
    def handle(state: Message | None, message: Message, context: Context) -> Result:
        reduction = reduce(state, message, context)
        if type(reduction) is not Reduction:
            raise WrongOutputError(f"reducer returned {type(reduction).__name__}, not a Reduction")
        return Result(reduction.state, reduction.intents)

    return handle


def _deciding(decide: Callable[..., object]) -> Handle:
    def handle(state: Message | None, message: Message, context: Context) -> Result:
        decision = decide(state, message, context)
        if type(decision) is not Decision:
            raise WrongOutputError(f"orchestrator returned {type(decision).__name__}, not a Decision")
        timers = _checked(decision.timers) if decision.timers else ()
        return Result(decision.state, _events(decision), decision.commands, timers)

    return handle


def _running(decide: Callable[..., Decision[WorkflowState]]) -> Handle:
    def handle(state: Message | None, message: Message, context: Context) -> Result:
        decision = decide(state, message, context)
        return Result(decision.state, _events(decision), decision.commands, decision.timers, facts_of(decision))

    return handle


def _events(decision: Decision[State]) -> Sequence[Emission]:
    return decision.events if decision.completion is None else (*decision.events, decision.completion)


def _checked(timers: Sequence[object]) -> Sequence[SetTimer | CancelTimer]:
    """Return the timers. Raise WrongOutputError for any other object, because staging must not fail."""
    checked: list[SetTimer | CancelTimer] = []
    for timer in timers:
        if not isinstance(timer, SetTimer | CancelTimer):
            raise WrongOutputError(f"timers hold a {type(timer).__name__}, not SetTimer or CancelTimer")
        checked.append(timer)
    return checked


def as_emissions(result: object) -> Sequence[Emission]:
    """Return the outputs of COMPUTE and EFFECT: one message, several, or none. Raise WrongOutputError."""
    match result:
        case None:
            return ()
        case Message() | Addressed():
            return (result,)
        case list() | tuple():
            return cast(Sequence[Emission], result)
        case _:
            raise WrongOutputError(f"handler returned {type(result).__name__}, not a message")
