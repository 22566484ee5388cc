"""When is a peer warm? When the rate of the last seconds is the rate of the seconds before."""

from collections import deque
from typing import NamedTuple


class Mark(NamedTuple):
    """Messages done at a time, noted when the number changed."""

    at: float
    done: int


class SteadyRate:
    """Marks of one peer's progress, and whether its rate still changes.

    A peer that commits twice a second moves in jumps: only the times at which it moves say how fast it is.
    """

    def __init__(self, span: float = 5.0, tolerance: float = 0.05) -> None:
        """``span``: seconds that are compared with as many seconds before. ``tolerance``: share of the rate."""
        self._span = span
        self._tolerance = tolerance
        self._marks: deque[Mark] = deque()

    @property
    def last(self) -> Mark:
        """The latest mark. Raises IndexError before the first."""
        return self._marks[-1]

    def add(self, at: float, done: int) -> bool:
        """Note progress. Return whether the number changed."""
        if self._marks and self._marks[-1].done == done:
            return False
        self._marks.append(Mark(at, done))
        # Spans begin and end at marks, so that two of them may begin earlier than twice a span ago.
        while len(self._marks) > 2 and self._marks[1].at <= at - 3 * self._span:
            self._marks.popleft()
        return True

    def speed(self) -> float:
        """Messages a second in the last seconds; 0 while there are not two marks."""
        return rate(self._marks[0], self._marks[-1]) if len(self._marks) > 1 else 0.0

    def is_steady(self) -> bool:
        """Whether the two latest spans differ by less than the tolerance; False while there are not two."""
        if not self._marks:
            return False
        end = self._marks[-1]
        middle = self._mark_before(end.at - self._span)
        begin = None if middle is None else self._mark_before(middle.at - self._span)
        if middle is None or begin is None:
            return False
        now, before = rate(middle, end), rate(begin, middle)
        return abs(now - before) < self._tolerance * before

    def _mark_before(self, at: float) -> Mark | None:
        return next((mark for mark in reversed(self._marks) if mark.at <= at), None)


def rate(begin: Mark, end: Mark) -> float:
    """Messages a second between two marks."""
    return (end.done - begin.done) / (end.at - begin.at)
