"""A command that `onex dev` forks, with its output as lines."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from onex.util.fork_server import ForkServer, Program
from onex.util.printable import printable

_CHUNK: Final = 65_536
_LARGEST: Final = 4_000_000
"""Bytes of a line. The rest of a longer one is dropped."""


class Child:
    """A forked command of `onex`. Its output comes through a named pipe, which has no size on disk."""

    def __init__(
        self, server: ForkServer, arguments: Sequence[str], *, tied: bool = True, forks: bool = False
    ) -> None:
        """``tied``: the command is killed when this process ends. ``forks``: it starts agents."""
        pipe = Path(mkdtemp(prefix="onex-dev-"), "output")
        os.mkfifo(pipe, 0o600)
        self._output = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._pipe = pipe
        self._unread = b""
        program = Program(
            "onex.cli.main",
            arguments,
            dict(os.environ),
            " ".join(["onex", *arguments]),
            stdout=str(pipe),
            stderr=str(pipe),
            tied=tied,
            forks=forks,
        )
        try:
            self._process = server.start(program)
        except BaseException:
            self._close()
            raise

    def poll(self) -> int | None:
        """Return the exit code, None while the command runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask the command to end, and to undo its steps. A background job, and all that it starts, ignores SIGINT."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the command, and forget its output."""
        with suppress(OSError):  # the server has ended, and with it what is tied to it
            self._process.kill()
            self._process.wait()
        self._close()

    def lines(self) -> list[str]:
        """Return the complete lines since the previous call; all of them when the command has ended before."""
        if self._output < 0:
            return []
        ended = self._process.poll() is not None
        lines: list[bytes] = []
        with suppress(BlockingIOError):
            while chunk := os.read(self._output, _CHUNK):
                lines += self._lines_with(chunk)
                if not ended and lines:
                    break
        if ended:
            lines.append(self._unread)
            self._unread = b""
            self._close()
        return [printable(line.decode(errors="replace")) for line in lines if line.strip()]

    def _lines_with(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end within a chunk."""
        first, *others = chunk.split(b"\n")
        self._unread += first[: _LARGEST - len(self._unread)]
        if not others:
            return []
        *whole, rest = others
        lines = [self._unread, *whole]
        self._unread = rest
        return lines

    def _close(self) -> None:
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        with suppress(OSError):
            self._pipe.unlink(missing_ok=True)
            self._pipe.parent.rmdir()


StartChild = Callable[[Sequence[str]], Child]
"""Starts a command that does not outlive this one."""
