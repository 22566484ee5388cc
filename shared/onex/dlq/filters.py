"""Filters of dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from onex.dlq.audit import EnumLetterState
from onex.dlq.payload_path import child, has_child, split_path
from onex.dlq.reading import DeadLetter


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Conditions that a dead letter must meet. Empty conditions are ignored."""

    failure_class: str = ""
    stage: str = ""
    fingerprint: str = ""
    """A fingerprint, or its beginning."""
    key: str = ""
    topic: str = ""
    """Original topic."""
    since_ms: int = 0
    """Became a dead letter at or after this time; milliseconds since 1970."""
    until_ms: int = 0
    """Became a dead letter before this time; milliseconds since 1970."""
    places: frozenset[str] = frozenset()
    """``partition:offset`` in the dead-letter topic."""
    offsets: tuple[int, int] | None = None
    """First and last original offset."""
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Mapping[str, str] = field(default_factory=dict)
    """By dotted path in the decoded message, the value as text."""
    states: frozenset[EnumLetterState] = frozenset({EnumLetterState.OPEN})
    """Empty accepts every state."""

    def matches(self, letter: DeadLetter, state: EnumLetterState) -> bool:
        """Return whether a letter meets every condition. Decodes the payload only if all other conditions are met."""
        facts = letter.facts
        return (
            (not self.states or state in self.states)
            and self.failure_class in ("", facts.get("class"))
            and self.stage in ("", facts.get("stage"))
            and facts.get("fingerprint", "").startswith(self.fingerprint)
            and self.key in ("", letter.key)
            and self.topic in ("", facts.get("topic"))
            and self.since_ms <= letter.died_ms
            and (not self.until_ms or letter.died_ms < self.until_ms)
            and (not self.places or letter.place in self.places)
            and (self.offsets is None or self.offsets[0] <= letter.original_offset <= self.offsets[1])
            and self._headers_fit(letter)
            and self._payload_fits(letter)
        )

    def _headers_fit(self, letter: DeadLetter) -> bool:
        if not self.headers:
            return True
        texts = {
            name: (value or b"").decode(errors="backslashreplace") for name, value in letter.record.headers() or []
        }
        return all(texts.get(name) == value for name, value in self.headers.items())

    def _payload_fits(self, letter: DeadLetter) -> bool:
        return all(value_at(letter.message(), path) == value for path, value in self.payload.items())


def value_at(message: JsonValue, path: str) -> str | None:
    """Return the value at a dotted path as text, or None. Numbers in the path index lists."""
    at = message
    for part in split_path(path):
        if not has_child(at, part):
            return None
        at = child(at, part, path)
    match at:
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[at]
        case _:
            return str(at)
