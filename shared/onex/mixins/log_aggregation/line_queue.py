"""Lines that wait to be sent, limited in number and in bytes."""

from collections import deque
from collections.abc import Sequence
from threading import RLock

from onex.mixins.log_aggregation.model_log_aggregation_subcontract import EnumLogDropPolicy


class LineQueue:
    """Encoded lines in order. Any thread; no call waits for more than a few instructions of another one."""

    def __init__(self, most_lines: int, most_bytes: int, drop: EnumLogDropPolicy) -> None:
        self._most_lines = most_lines
        self._most_bytes = most_bytes
        self._drop = drop
        self._lines: deque[bytes] = deque()
        self._lock = RLock()  # garbage collection within a call may run a finalizer that logs
        self.bytes = 0
        """Bytes of all lines."""
        self.dropped = 0
        """Lines for which there was no room."""

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, line: bytes) -> None:
        """Add a line without waiting. Drop lines, as the policy says, when there is no room."""
        with self._lock:
            while len(self._lines) >= self._most_lines or self.bytes + len(line) > self._most_bytes:
                self.dropped += 1
                if self._drop is EnumLogDropPolicy.NEWEST:
                    return
                self.bytes -= len(self._lines.popleft())
            self._lines.append(line)
            self.bytes += len(line)

    def take(self, most_lines: int, most_bytes: int) -> Sequence[bytes]:
        """Remove and return the oldest lines: at least one if any waits. Each takes a byte more, for a comma."""
        taken: list[bytes] = []
        with self._lock:
            while self._lines and len(taken) < most_lines:
                most_bytes -= len(self._lines[0]) + 1
                if taken and most_bytes < 0:
                    break
                taken.append(self._lines.popleft())
                self.bytes -= len(taken[-1])
        return taken

    def clear(self) -> None:
        """Drop all lines, and count them."""
        with self._lock:
            self.dropped += len(self._lines)
            self._lines.clear()
            self.bytes = 0
