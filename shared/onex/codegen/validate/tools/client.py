"""The other end of a tool's process: starts it, asks it, and starts another one when it ended."""

import atexit
import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from pydantic import JsonValue

from onex.errors import OnexError

_FOLDER = Path(__file__).parent
_LARGEST_REPLY = 64 << 20
"""Longest reply, in bytes."""
_MOST_REQUESTS = 500
"""Requests after which the process is replaced, for its memory."""


class ToolError(OnexError):
    """A tool did not reply: it ended, took too long, or raised."""


class ToolProcess:
    """One process of a tool, for any number of threads: one request at a time."""

    def __init__(self, script: str, arguments: Sequence[str] = (), *, seconds: float = 180.0) -> None:
        """``seconds`` is the time limit of a request. The first one fills the caches of the tool."""
        self._command = [sys.executable, "-I", str(_FOLDER / script), *arguments]
        self._seconds = seconds
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0
        _ALL.add(self)

    def warm_up(self) -> None:
        """Start the process, so that it imports its tool while this process does something else."""
        with self._lock:
            self._running()

    def ask(self, request: Mapping[str, JsonValue]) -> JsonValue:
        """Return the reply. Raise ToolError."""
        line = json.dumps(request).encode() + b"\n"
        with self._lock:
            self._requests += 1
            if self._requests > _MOST_REQUESTS:
                self._end()
            for _ in range(2):  # a process that was idle for too long has ended
                try:
                    return self._asked(line)
                except BrokenPipeError:
                    self._end()
        raise ToolError(f"{self._name} ended without a reply")

    def forget(self) -> None:
        """Use neither process nor lock of the process that forked this one."""
        self._lock = Lock()
        if self._process is not None:
            self._process.returncode = 0  # not a process that this one leaves behind
        self._process = None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    @property
    def _name(self) -> str:
        return Path(self._command[2]).stem.removesuffix("_process")

    def _asked(self, line: bytes) -> JsonValue:
        process = self._running()
        assert process.stdin is not None
        deadline = time.monotonic() + self._seconds
        process.stdin.write(line)
        process.stdin.flush()
        reply = json.loads(self._line(process, deadline))
        if "error" in reply:
            raise ToolError(f"{self._name}: {reply['error']}")
        result: JsonValue = reply["ok"]
        return result

    def _line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        parts: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not parts or not parts[-1].endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self._end()
                    raise ToolError(f"{self._name} took longer than {self._seconds:g} s")
                read = os.read(process.stdout.fileno(), 1 << 16)
                size += len(read)
                if not read and not parts:
                    raise BrokenPipeError
                if not read or size > _LARGEST_REPLY:
                    self._end()
                    raise ToolError(f"{self._name} ended within its reply")
                parts.append(read)
        return b"".join(parts)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._requests = 0
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


_ALL: "weakref.WeakSet[ToolProcess]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for tool in list(_ALL):
        tool.close()


def _forget_all() -> None:
    """In a forked child: the processes belong to the parent, and another thread of it may hold a lock."""
    for tool in list(_ALL):
        tool.forget()


os.register_at_fork(after_in_child=_forget_all)
