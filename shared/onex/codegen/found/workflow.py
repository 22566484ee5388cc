"""Workflows: steps that name their messages are taken; a graph that names only nodes is the handlers' work."""

from collections.abc import Iterator

from pydantic import JsonValue

from onex.codegen.found.binding import Binding
from onex.codegen.found.durations import seconds_of, text_of_seconds
from onex.codegen.found.entries import FoundHandlers
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.words import snake
from onex.model.enums import EnumErrorAction, EnumNodeKind

_KEYS = ("workflow_coordination", "workflow", "workflow_definition", "execution_graph", "saga")
_COMMANDS = ("command", "sends", "request", "action_message", "command_model")
_RESULTS = ("result", "on_success", "expects", "awaits", "result_model", "success_event", "reply")
_FAILURES = ("failure", "on_failure", "failure_event", "failure_model")
_UNDO = ("compensate", "compensation", "compensation_command", "rollback")
_ACTIONS = ("error_action", "on_error", "failure_strategy")


def read_workflow(
    root: Place, kind: EnumNodeKind, handlers: FoundHandlers, binding: Binding, notes: Notes
) -> dict[str, JsonValue]:
    """Return ``workflow_coordination`` of the result, or nothing. Refuse steps that nothing would carry out."""
    place = next((found for key in _KEYS if (found := root.get(key)) is not None), None)
    if place is None:
        return {}
    steps = list(_steps(place))
    if kind is not EnumNodeKind.ORCHESTRATOR:
        notes.refused(place, f"a workflow belongs to an ORCHESTRATOR; the kind of the node is {kind}")
        return {}
    if not steps:
        notes.left_out(place, "has no steps: the handlers decide what follows what")
        return {}
    if all(_message(step, _COMMANDS, binding) and _message(step, _RESULTS, binding) for step in steps):
        return _declared(place, steps, handlers, binding, notes)
    if not handlers.entries:
        notes.refused(place, "its steps name no commands and results, and no handler carries them out")
        return {}
    for step in steps:
        name = _id(step)
        notes.left_out(step, f"the handlers send the command of step {name!r} and take its result; it names neither")
    _rules(place, steps, notes)
    return {}


def _steps(place: Place) -> Iterator[Place]:
    """Yield the steps of a list, a graph or a definition."""
    if place.is_list:
        yield from (step for step in place.children() if step.is_map)
        return
    for key in ("steps", "nodes", "tasks", "phases", "activities"):
        listed = place.get(key)
        if listed is not None and (listed.is_list or listed.is_map):
            yield from (step for step in listed.children() if step.is_map)
            return
    for key in ("workflow_definition", "execution_graph", "definition", "workflow"):
        if (inner := place.get(key)) is not None:
            yield from _steps(inner)
            return


def _rules(place: Place, steps: list[Place], notes: Notes) -> None:
    """Report every other value of the workflow, such as its time limit and its retries."""
    for leaf in place.leaves():
        if notes.action_at(leaf.at) is None:
            timed = any(word in leaf.key for word in ("timeout", "retries", "interval", "recovery"))
            words = (
                "an orchestrator in code sets its own timers and sends a command again"
                if timed
                else ("describes the graph, which the handlers carry out")
            )
            notes.left_out(leaf, words)


def _id(step: Place) -> str:
    named = step.text_of("step_id", "node_id", "id", "name", "step") or (
        step.key if isinstance(step.at[-1], str) else f"step_{step.at[-1]}"
    )
    return snake(named)[:48]


def _message(step: Place, keys: tuple[str, ...], binding: Binding) -> str:
    named = step.get(*keys)
    if named is None:
        return ""
    return binding.message(named.text or named.text_of("message", "model", "name", "event_type"))


def _declared(
    place: Place, steps: list[Place], handlers: FoundHandlers, binding: Binding, notes: Notes
) -> dict[str, JsonValue]:
    workflow: dict[str, JsonValue] = {}
    holders = [each for each in (place.get("workflow_definition"), place) if each is not None]
    for target, keys in (
        ("completed", ("completed", "completion_event", "on_completed", "success_event")),
        ("failed", ("failed", "failure_event", "on_failed")),
    ):
        found = next((each for holder in holders if (each := holder.get(*keys)) is not None), None)
        message = _message_of(found, binding) if found is not None else ""
        if found is None or not message:
            notes.refused(found or place, f"names no message of event_bus.publish_topics for `{target}`")
            continue
        workflow[target] = message
        notes.taken(found)
    for holder in holders:
        if (limit := seconds_of(holder, ("timeout", "workflow_timeout"), notes)) is not None:
            workflow.setdefault("timeout", text_of_seconds(limit.seconds))
            notes.taken(limit.place)
    workflow["steps"] = [_step(step, binding, notes) for step in steps]
    return workflow


def _message_of(place: Place, binding: Binding) -> str:
    return binding.message(place.text or place.text_of("message", "model", "name"))


def _step(step: Place, binding: Binding, notes: Notes) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {"id": _id(step)}
    for target, keys in (("command", _COMMANDS), ("result", _RESULTS), ("failure", _FAILURES), ("compensate", _UNDO)):
        named = step.get(*keys)
        if named is None:
            continue
        message = _message(step, keys, binding)
        if message:
            result[target] = message
            notes.translated(named, f"{target}: {message}")
        else:
            notes.refused(named, f"no topic of the node carries the {target} of the step")
    before = step.get("depends_on", "after", "requires")
    if before is not None:
        result["depends_on"] = [snake(leaf.text)[:48] for leaf in before.leaves() if leaf.text]
        notes.taken(before)
    if (limit := seconds_of(step, ("timeout", "step_timeout"), notes)) is not None:
        result["timeout"] = text_of_seconds(limit.seconds)
        notes.taken(limit.place)
    retry = step.get("retry", "retry_policy", "max_retries", "retry_count")
    if retry is not None:
        count = retry if retry.text else retry.get("max_attempts", "max_retries")
        if count is None or not count.text.isdigit():
            notes.refused(retry, "says no number of attempts")
        else:
            extra = 0 if "attempts" in count.key else 1
            result["retry"] = {"max_attempts": max(1, int(count.text) + extra)}
            notes.translated(retry, f"retry.max_attempts: {max(1, int(count.text) + extra)}")
    if (action := step.get(*_ACTIONS)) is not None:
        known = next((each for each in EnumErrorAction if each == action.text.lower()), None)
        if known is None:
            notes.refused(action, f"{action.text[:40]!r} is none of {', '.join(EnumErrorAction)}")
        else:
            result["error_action"] = known.value
            notes.taken(action)
    notes.translated(step.get("step_id", "node_id", "id", "name") or step, f"the step {result['id']}")
    return result
