"""Statistics of dead letters: by cause and over time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onex.dlq.reading import DeadLetter

_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Dead letters of one cause."""

    node: str
    failure_class: str
    fingerprint: str
    count: int
    first_ms: int
    last_ms: int
    example: str
    keys: int
    """Number of different keys."""
    histogram: str
    """One character for each of equal time spans, from the first of all letters to the last."""


def group_letters(letters: Iterable[DeadLetter], width: int = 12) -> Sequence[LetterGroup]:
    """Group letters by node, class and fingerprint; return the largest group first."""
    by_cause: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for letter in letters:
        facts = letter.facts
        cause = facts.get("node", ""), facts.get("class", ""), facts.get("fingerprint", "")
        by_cause.setdefault(cause, []).append(letter)
    times = [letter.died_ms for same in by_cause.values() for letter in same]
    first, last = min(times, default=0), max(times, default=0)
    groups = [
        LetterGroup(
            *cause,
            len(found),
            min(letter.died_ms for letter in found),
            max(letter.died_ms for letter in found),
            found[-1].facts.get("message", "").partition("\n")[0],
            len({letter.key for letter in found}),
            histogram([letter.died_ms for letter in found], first, last, width),
        )
        for cause, found in by_cause.items()
    ]
    return sorted(groups, key=lambda group: -group.count)


def histogram(times_ms: Iterable[int], first_ms: int, last_ms: int, width: int) -> str:
    """Return one bar for each of ``width`` time spans. The span with the most letters has the full bar."""
    span = max(1, last_ms - first_ms + 1)
    counts = Counter((at - first_ms) * width // span for at in times_ms)
    most = max(counts.values(), default=1)
    return "".join(_BARS[-(-counts[n] * (len(_BARS) - 1) // most)] for n in range(width))
