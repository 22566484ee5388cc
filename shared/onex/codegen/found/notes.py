"""The report of an import: what became of each value of the source."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from onex.codegen.found.source import Place
from onex.contract.yaml_lines import Location, dotted


class EnumFound(StrEnum):
    """What the import did with a value."""

    TAKEN = "taken"
    """It is in the result, in its own words or under the key of this mesh."""
    TRANSLATED = "translated"
    """It is in the result in another form. The note says which, and what to check."""
    LEFT_OUT = "left out"
    """It is not in the result. The note says why nothing is lost, or who does it instead."""
    REFUSED = "refused"
    """It changes what the node does, and nothing here can express it. The file has no result."""


class ModelFoundNote(BaseModel):
    """A line of the report."""

    model_config = ConfigDict(frozen=True)

    line: int
    """Line in the source, from 1."""
    field: str
    """Place in the source: ``error_handling.retry_policy.max_retries``."""
    action: EnumFound
    reason: str = ""


class Notes:
    """Collects the report of one file. A note covers its place and everything below it, except the note of a file."""

    def __init__(self) -> None:
        self._notes: dict[tuple[Location, ModelFoundNote], None] = {}
        self._covered: dict[Location, EnumFound] = {}
        self._above: set[Location] = set()

    def taken(self, place: Place, reason: str = "") -> None:
        """Record that the value is in the result."""
        self._add(place, EnumFound.TAKEN, reason)

    def translated(self, place: Place, reason: str, *, covers: bool = True) -> None:
        """Record that the value is in the result in another form. Without ``covers``, values below need notes."""
        self._add(place, EnumFound.TRANSLATED, reason, covers=covers)

    def left_out(self, place: Place, reason: str) -> None:
        """Record that the result does without the value."""
        self._add(place, EnumFound.LEFT_OUT, reason)

    def refused(self, place: Place, reason: str) -> None:
        """Record why the file cannot be taken."""
        self._add(place, EnumFound.REFUSED, reason)

    def has_below(self, at: Location) -> bool:
        """Return whether there is a note below the place."""
        return at in self._above

    def action_at(self, at: Location) -> EnumFound | None:
        """Return what became of the value, by the nearest note at or above it. None without a note."""
        for length in range(len(at), -1, -1):
            if (action := self._covered.get(at[:length])) is not None:
                return action
        return None

    @property
    def is_refused(self) -> bool:
        """Whether the file has no result."""
        return any(note.action is EnumFound.REFUSED for _, note in self._notes)

    def sorted(self) -> tuple[ModelFoundNote, ...]:
        """Return the report by line."""
        return tuple(note for _, note in sorted(self._notes, key=lambda each: each[1].line))

    def _add(self, place: Place, action: EnumFound, reason: str, *, covers: bool = True) -> None:
        note = ModelFoundNote(line=place.line, field=dotted(place.at), action=action, reason=reason)
        self._notes[place.at, note] = None
        if not covers or not place.at:  # a note about the file says nothing about its values
            return
        self._above.update(place.at[:length] for length in range(len(place.at)))
        if self._covered.get(place.at) is not EnumFound.REFUSED:
            self._covered[place.at] = action


def counts(notes: Iterable[ModelFoundNote]) -> dict[str, int]:
    """Return the number of notes by action."""
    numbers = {action.value: 0 for action in EnumFound}
    for note in notes:
        numbers[note.action.value] += 1
    return numbers
