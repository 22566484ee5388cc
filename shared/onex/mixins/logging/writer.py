"""Where lines go: at once, or by a thread that may lag behind."""

import sys
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

_MOST_CHARACTERS = 16_777_216
"""Of the lines that wait."""


def to_stderr(line: str) -> None:
    """The stream where agents write."""
    sys.stderr.write(f"{line}\n")  # at once: other threads write there too
    sys.stderr.flush()


class LineWriter:
    """Writes lines in their order. The thread starts with the first line and ends with ``close``."""

    def __init__(self, write: Callable[[str], None], most: int) -> None:
        self._write = write
        self._most = most
        self._lines: deque[str] = deque()
        self._characters = 0
        self._news = Condition()
        self._thread: Thread | None = None
        self._ending = False
        self.dropped = 0
        """Lines for which there was no room."""

    def put(self, line: str) -> None:
        """Never waits; a line too many is dropped."""
        with self._news:
            if len(self._lines) >= self._most or self._characters + len(line) > _MOST_CHARACTERS:
                self.dropped += 1
                return
            self._lines.append(line)
            self._characters += len(line)
            if self._thread is None:
                self._ending = False
                self._thread = Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._lines or self._ending)
                if not self._lines:
                    return
                line = self._lines[0]
            try:
                self._write(line)
            except (OSError, ValueError):  # the stream is closed, and there is no other to say so
                self.dropped += 1
            with self._news:
                self._characters -= len(self._lines.popleft())

    def close(self) -> None:
        """Write what waits. Safe to call twice; a later line starts it again."""
        with self._news:
            thread, self._thread = self._thread, None
            self._ending = True
            self._news.notify()
        if thread is not None:
            thread.join()
