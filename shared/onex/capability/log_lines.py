"""Structured log lines, for capabilities that pass them on."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

Line = Mapping[str, object]
"""``level``, ``event``, and facts. Values may have any class, and may change after the call."""
Listener = Callable[[Line], None]


class LogLines:
    """Listeners to log lines. Any thread. A listener never waits, never raises, and keeps no part of a line."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._changing = Lock()

    def listen(self, listener: Listener) -> None:
        """Call the listener with each line from now on."""
        with self._changing:
            self._listeners = (*self._listeners, listener)

    def leave(self, listener: Listener) -> None:
        """Stop calling the listener. Unknown ones are ignored."""
        with self._changing:
            self._listeners = tuple(each for each in self._listeners if each != listener)

    def put(self, line: Line) -> None:
        """Pass a line to all listeners."""
        for listener in self._listeners:
            listener(line)


AGENT_LINES: Final = LogLines()
"""The lines of an agent that owns its process. The container of each node has the lines of ``MixinLogging``."""
