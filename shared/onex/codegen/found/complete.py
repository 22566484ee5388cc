"""Checks an import: each topic, handler, retry, timeout and transition of the source is in the result or the report.

It walks the source on its own, and compares values, not the decisions of the readers: a value that the report calls
taken or translated has to be in the contract.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from onex.codegen.found.notes import EnumFound, Notes
from onex.codegen.found.source import Place
from onex.codegen.found.topics import looks_like_topic, plain_topic
from onex.contract.yaml_lines import dotted
from onex.errors import ContractProblem
from onex.model.contract import ModelContract

_HANDLERS = ("handler", "handler_class", "default_handler")
_FAILURES = ("retry", "retries", "attempt", "backoff", "circuit", "timeout", "deadline")
_TRANSITIONS = ("transition", "trigger", "from_state", "to_state", "initial_state", "terminal_states", "steps")
_STATES = ("from_state", "to_state", "initial_state")
_ENFORCED = {
    "advanced_features",
    "delivery",
    "error_handling",
    "mixins",
    "state_machine",
    "subcontracts",
    "workflow_coordination",
}
"""Keys of the result with settings and states."""
_ABOUT_DATA = ("inputs", "outputs", "config", "metadata", "definitions", "description")
"""Keys whose texts may look like topics, and are defaults of fields or words for people."""
_USED = (EnumFound.TAKEN, EnumFound.TRANSLATED)
_REMEDY = "report this contract: the import has lost a value"


def lost(root: Place, contract: ModelContract, notes: Notes) -> list[ContractProblem]:
    """Return what the import has lost. Empty for a complete one."""
    return [
        ContractProblem(root.source.file, place.line, dotted(place.at), words, _REMEDY)
        for place, words in _lost(root, contract, notes)
    ]


def _lost(root: Place, contract: ModelContract, notes: Notes) -> Iterator[tuple[Place, str]]:
    bus = contract.event_bus
    topics = {*bus.subscribe_topics, *bus.publish_topics, *bus.dlq_topics}
    texts, numbers, attempts = _values(contract.model_dump(mode="json", include=_ENFORCED, exclude_unset=True))
    for place in root.leaves():
        action = notes.action_at(place.at)
        if action is None and place.value not in (None, [], {}):
            yield place, f"{_sort(place)} is neither in the result nor in the report"
        if action not in _USED or place.value is None:
            continue
        keys = [part for part in place.at if isinstance(part, str)]
        if keys[0] in _ABOUT_DATA:
            continue
        if looks_like_topic(place.text) and not _is_second_letter(keys):
            if plain_topic(place.text) not in topics:
                yield place, "the topic is reported as used, and is not in event_bus"
        elif _is_number(place) and any(word in key for key in keys for word in _FAILURES):
            # Codes of errors are texts in the result.
            if place.text not in texts and not _is_among(float(place.text), keys[-1], numbers, attempts):
                yield place, f"the setting is reported as used, and nothing in the result is {place.text}"
        elif keys[-1] in _STATES and place.text not in texts and contract.state_machine is not None:
            yield place, "the state is reported as used, and the result does not name it"


def _is_second_letter(keys: list[str]) -> bool:
    """Return whether the topic is for dead letters: all of a node's go to its first one."""
    return any("dlq" in key or "dead_letter" in key for key in keys)


def _values(data: JsonValue) -> tuple[set[str], set[float], set[float]]:
    """Return every text, every number, and every number of attempts of the result."""
    texts: set[str] = set()
    numbers: set[float] = set()
    attempts: set[float] = set()
    open_values = [("", data)]
    while open_values:
        match open_values.pop():
            case (_, dict() as inner):
                open_values += inner.items()
            case (key, list() as items):
                open_values += [(key, item) for item in items]
            case (_, bool() | None):
                pass
            case (key, int() | float() as number):
                if _counts_attempts(key):
                    attempts.add(_attempts(number, key))
                else:
                    numbers.add(round(float(number), 6))
            case (_, str() as text):
                texts.add(text)
    return texts, numbers, attempts


def _counts_attempts(key: str) -> bool:
    return "attempts" in key or "retries" in key or key in ("retry", "retry_count")


def _is_number(place: Place) -> bool:
    return isinstance(place.value, int | float) and not isinstance(place.value, bool)


def _attempts(number: float, key: str) -> float:
    """Return the number of attempts, with the first one."""
    return max(number, 1) if "attempts" in key and "retry" not in key else number + 1


def _is_among(value: float, key: str, numbers: set[float], attempts: set[float]) -> bool:
    """Return whether a setting is in the result: as it is, in another unit, or counted with the first attempt.

    No attempt is one attempt, and no delay is the shortest one.
    """
    if _counts_attempts(key):
        return _attempts(value, key) in attempts
    forms = (value, value / 1000, value * 1000, value * 60, max(value, 0.001))
    return any(round(form, 6) in numbers for form in forms)


def _sort(place: Place) -> str:
    """Return what a value is, for the words of a problem."""
    keys = [part for part in place.at if isinstance(part, str)]
    if looks_like_topic(place.text):
        return "the topic"
    for words, sort in (
        (_TRANSITIONS, "the transition"),
        (_FAILURES, "the failure policy"),
        (_HANDLERS, "the handler"),
    ):
        if any(word in key for key in keys for word in words):
            return sort
    return "the value"
