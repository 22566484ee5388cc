"""The four kinds as one shape: (state, message, context) -> Result. Adapters are picked once at start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

from onex.capability import Proceed
from onex.capability.layer import fold, fold_checks
from onex.contract import ResolvedNode
from onex.errors import WrongOutputError
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Context, Decision, Node, Reduction, SetTimer
from onex.workflow import compile_state_machine, compile_workflow

Emission = Message | Addressed


class Result(NamedTuple):
    """What a handler of a keyed kind asks for. Replies to ``commands`` return to this key.

    A tuple: one is made for every message.
    """

    state: Message | None = None
    events: Sequence[Emission] = ()
    commands: Sequence[Emission] = ()
    timers: Sequence[SetTimer | CancelTimer] = ()


Handle = Callable[..., object]
"""COMPUTE: ``(message) -> outputs``; EFFECT: ``async (message, context) -> outputs``; keyed kinds:
``(state, message, context) -> Result``."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Handlers by topic, the handler of timers and the type of the keyed state."""

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
    return replace(behaviour, handlers=handlers)


def _behaviour_of(resolved: ResolvedNode, node: Node) -> Behaviour:
    contract = resolved.contract
    routes = resolved.routes
    match contract.node_type:
        case EnumNodeKind.COMPUTE | EnumNodeKind.EFFECT:
            return Behaviour({topic: getattr(node, route.method) for topic, route in routes.items()})
        case EnumNodeKind.REDUCER:
            reducers = {topic: getattr(node, route.method) for topic, route in routes.items()}
            if contract.state_machine and resolved.state_model:
                guard = compile_state_machine(contract.state_machine, resolved.state_model)
                reducers = {topic: guard(reduce) for topic, reduce in reducers.items()}
            handlers = {topic: _reducing(reduce) for topic, reduce in reducers.items()}
            return Behaviour(handlers, resolved.state_model)
        case EnumNodeKind.ORCHESTRATOR:
            if contract.workflow_coordination:
                workflow = compile_workflow(resolved, node)
                decide = _deciding(workflow.decide)
                return Behaviour(dict.fromkeys(routes, decide), workflow.state_model, decide)
            handlers = {topic: _deciding(getattr(node, route.method)) for topic, route in routes.items()}
            timers = _deciding(node.decide) if hasattr(node, "decide") else None
            return Behaviour(handlers, resolved.state_model, timers)


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
        completion = () if decision.completion is None else (decision.completion,)
        timers = _checked(decision.timers) if decision.timers else ()
        return Result(decision.state, (*decision.events, *completion), decision.commands, timers)

    return handle


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
