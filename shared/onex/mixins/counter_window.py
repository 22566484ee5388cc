"""The increase of a counter within a time."""

from collections import deque

_POINTS = 60
"""Points of each window. They bound its memory, and its edge is exact to 1/60 of the window."""


class Window:
    """Points of a counter, no older than needed."""

    __slots__ = ("_points", "_seconds", "_total", "last", "seen_at")

    def __init__(self, seconds: float, now: float, raw: float) -> None:
        """``raw`` is the value of the counter when the window begins; the increase begins with 0."""
        self._seconds = seconds
        self._points: deque[tuple[float, float]] = deque([(now - seconds, 0.0)])
        self._total = 0.0
        self.last = raw
        self.seen_at = now
        """Monotonic time of the latest value."""

    def add(self, now: float, raw: float) -> float:
        """Add the value of the counter. Return the increase. A counter that decreases began again at 0."""
        self._total += raw - self.last if raw >= self.last else raw
        self.last, self.seen_at = raw, now
        while len(self._points) > 1 and self._points[1][0] <= now - self._seconds:
            self._points.popleft()
        if now - self._points[-1][0] >= self._seconds / _POINTS:
            self._points.append((now, self._total))
        return self._total - self._points[0][1]
