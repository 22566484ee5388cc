"""Keys that have no meaning here, each with the reason why nothing is lost."""

from collections.abc import Mapping
from typing import Final

from onex.codegen.found.notes import EnumFound, Notes
from onex.codegen.found.source import Place

_HANDLER = "the code of the handlers reads it: give it a place in the Config class, under config"
_TRACKER = "is about the project, not about the node"
_FIELDS = "names fields without types, and no statement or request: write io_operations of this mesh, or code"
_ANNOUNCED = "an agent announces the messages that its node takes and returns"
_ONCE = "each message takes effect once here: delivery.guarantee is exactly_once"
_GROUP = "the group of a node follows from its name and version; `onex offsets` moves it"

REASONS: Final[Mapping[str, str]] = {
    "capabilities": _ANNOUNCED,
    "circuit_breaker": "a circuit counts consecutive failures here, and has no such setting",
    "consumer_group": _GROUP,
    "group_id": _GROUP,
    "definitions": "describes the message for people",
    "dependencies": "is no module that the node imports: nodes reach others through topics and mixins",
    "agent_invocation": "describes the node for the runtime that it was written for",
    "backend": _HANDLER,
    "descriptor": "describes the node for the runtime that it was written for",
    "description": "is shown nowhere else",
    "dod_evidence": _TRACKER,
    "env_dependencies": "set it where the node runs; `${NAME}` in config takes it from there",
    "enabled": "what is declared is on",
    "error_codes": "an exception of the handler says it; its class is decided where it is raised",
    "error_handling": "no policy here has this setting",
    "error_sanitization": "letters, logs and errors never contain the content of messages",
    "error_types": "an exception of the handler says it; error_handling.retry_policy lists those that are retried",
    "feature_flags": _HANDLER,
    "golden_path": "write examples, or cases.yaml next to the contract",
    "handler_module": "the class of the node is NodeX in node.py, next to the contract",
    "handler_routing": "a topic has one message type here, and a message type has one handler",
    "health_check": "every agent serves /livez and /readyz; MixinHealthCheck adds checks of the node's own",
    "handler_type": _HANDLER,
    "idempotency": _ONCE,
    "idempotent": f"{_ONCE}; an EFFECT stores what it did with delivery.keep_answers, or in its database",
    "intent_consumption": "an EFFECT subscribes to the topics of intents",
    "intent_reception": "an ORCHESTRATOR subscribes to the topics of intents",
    "io_operations": _FIELDS,
    "input_fields": _FIELDS,
    "message_category": "the second word of a topic says it",
    "mcp": "`onex` offers no tools to agents",
    "metadata": "is empty",
    "model_routing": _HANDLER,
    "module": "the class of the node is NodeX in node.py, next to the contract",
    "node_capabilities": _ANNOUNCED,
    "node_not_implemented": "a handler without logic is unfinished, and each of its messages becomes a dead letter",
    "operation_bindings": "one process runs one node: nothing is called inside of it",
    "output_fields": "the fields of a message are in definitions",
    "outputs": "the fields belong to no message",
    "performance": "`onex status` and the dashboard measure it; delivery.concurrency and batch_size set it",
    "payload_module": "the classes of messages are in models/ of the node",
    "projection_api": "a REDUCER's state is on its changelog, and `onex state` reads it",
    "required": "a field that is not required may be None",
    "retry_policy": "no retry policy here has this setting",
    "retry_strategy": "error_handling.retry_policy decides it for the whole node",
    "runtime_profiles": "an operator decides which nodes run where",
    "subscribe_topic_metadata": "describes the topic for people",
    "publish_topic_metadata": "describes the topic for people",
    "target_pattern": "the effect that takes the intent knows its target",
    "terminal_event": "names no topic",
    "state_machine": "describes the machine for people",
    "time_injection": "a handler takes the time from its context",
    "timeout_policy": "no time limit here has this setting",
    "topic_config": "the node that reads a topic declares its settings",
    "version": "a node has one version here",
}
"""Reason by key, at any depth: the nearest key above a value decides."""

_LIMITS = ("timeout", "retries", "retry", "attempts", "deadline")
_TOLD = ("definitions", "error_handling", "inputs", "metadata", "outputs", "workflow_coordination")
"""Keys below which a limit has a reason of its own."""
_LIMIT = (
    "is enforced by the handlers, or by the runtime of the source: set delivery.timeout, error_handling.retry_policy "
    "or a capability by hand, where the node needs it"
)
_UNKNOWN = "has no meaning here: if the handlers read it, it belongs to Config of the node"


def sweep(root: Place, notes: Notes) -> None:
    """Report every value that no reader has used."""
    _sweep(root, notes)


def _sweep(place: Place, notes: Notes) -> None:
    if place.at and notes.action_at(place.at) in (EnumFound.LEFT_OUT, EnumFound.REFUSED):
        return
    children = place.children()
    if place.at and not notes.has_below(place.at):
        # A note of the parent, such as that of a handler, covers what describes it.
        if notes.action_at(place.at) is not None:
            return
        if not children or not any(_is_limit(leaf) for leaf in place.leaves()):
            notes.left_out(place, _reason(place))
            return
    for child in children:
        _sweep(child, notes)


def _is_limit(place: Place) -> bool:
    key = place.at[-1]
    is_named = isinstance(key, str) and any(word in key for word in _LIMITS)
    return is_named and place.at[0] not in _TOLD and bool(place.text)


def _reason(place: Place) -> str:
    if place.value is None or place.value in ([], {}, ""):
        return "is empty"
    if _is_limit(place):
        return _LIMIT
    for part in reversed(place.at):
        if isinstance(part, str) and part in REASONS:
            return REASONS[part]
    return _UNKNOWN
