"""Writes log lines on a separate thread."""

import sys
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

_MAX_CHARACTERS = 16_777_216
"""Characters of all waiting lines."""


def to_stderr(line: str) -> None:
    """Write a line to stderr, as agents do."""
    sys.stderr.write(f"{line}\n")  # one call, because other threads write there, too
    sys.stderr.flush()


class LineWriter:
    """Writes lines in order. Its thread starts with the first line and ends with ``close``."""

    def __init__(self, write: Callable[[str], None], most: int) -> None:
        self._write = write
        self._most = most
        self._lines: deque[str] = deque()
        self._characters = 0
        self._changed = Condition()
        self._thread: Thread | None = None
        self._ending = False
        self.dropped = 0
        """Lines for which there was no room."""

    def put(self, line: str) -> None:
        """Add a line without waiting. Drop it when there is no room."""
        with self._changed:
            if len(self._lines) >= self._most or self._characters + len(line) > _MAX_CHARACTERS:
                self.dropped += 1
                return
            self._lines.append(line)
            self._characters += len(line)
            if self._thread is None:
                self._ending = False
                self._thread = Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._ending)
                if not self._lines:
                    return
                line = self._lines[0]
            try:
                self._write(line)
            except (OSError, ValueError):  # the stream is closed, and there is no other place for the error
                self.dropped += 1
            with self._changed:
                self._characters -= len(self._lines.popleft())

    def close(self) -> None:
        """Write all waiting lines and end the thread. Safe to call twice. A later line starts a new thread."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._ending = True
            self._changed.notify()
        if thread is not None:
            thread.join()
