"""Forks commands ``onex`` for tests. See ``forked_onex.py``."""

import gc
import marshal
import os
import selectors
import signal
import socket
import struct
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType

from onex.cli.main import _COMMANDS
from onex.cli.main import main as run_onex
from onex.cli.stack.agent_starter import IMPORTED_ONCE
from onex.util.fork_server import fork_server, renew_streams, tie
from tests.integration.forked import arrange

_NUMBER = struct.Struct("=i")
_STREAMS = (0, 1, 2)
_PASSED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that a caller passes on, unless it ignores them."""
_WITH_AGENTS = ("up", "dev")
"""Commands that start agents, forked from a process that has what all of them import."""


class _Request:
    """What a caller of the command is: arguments, folder, environment, ignored signals, streams."""

    def __init__(self, connection: socket.socket) -> None:
        """Raise ConnectionError when the caller is gone before all of it is here."""
        size, self.streams, _, _ = socket.recv_fds(connection, _NUMBER.size, len(_STREAMS))
        try:
            data = _read(connection, size)
        except ConnectionError:
            self.close()
            raise
        self.arguments, self.folder, self.environment, self.ignored = marshal.loads(data)

    def become(self) -> None:
        """Put everything in place that a new interpreter would find."""
        for number, opened in zip(_STREAMS, self.streams, strict=True):
            os.dup2(opened, number)
        self.close()
        renew_streams()
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.path[:] = [path for path in sys.path if path]  # the folder of this process: a command looks in none
        for number in _PASSED:  # this process ignores what its own caller did, `nohup` for example
            signal.signal(number, signal.SIG_IGN if number in self.ignored else signal.SIG_DFL)
        if signal.SIGINT not in self.ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        arrange()
        sys.argv = ["onex", *self.arguments]
        os.setsid()

    def close(self) -> None:
        """Close the streams, of which the command has its own."""
        for opened in self.streams:
            os.close(opened)


def _read(connection: socket.socket, size: bytes) -> bytes:
    if len(size) == _NUMBER.size:
        length: int = _NUMBER.unpack(size)[0]
        with connection.makefile("rb") as file:
            data = file.read(length)
        if len(data) == length:
            return data
    raise ConnectionAbortedError("the caller is gone")


class _Server:
    """Forks a child for every caller, passes its exit code, and kills it when the caller is gone."""

    def __init__(self, listening: socket.socket) -> None:
        self._callers: dict[int, socket.socket] = {}
        self._listening = listening
        self._woken, self._wakes = socket.socketpair()
        for end in (self._woken, self._wakes):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        for waiting in (listening, self._woken):
            self._selector.register(waiting, selectors.EVENT_READ)

    def serve(self) -> _Request:
        """Serve. Return only in a child: what it is to run."""
        signal.signal(signal.SIGCHLD, _noticed)
        signal.set_wakeup_fd(self._wakes.fileno())
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listening:
                    connection, _ = self._listening.accept()
                    if (request := self._start(connection)) is not None:
                        return request
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._report()
                else:
                    self._forget(key.fd)

    def _start(self, connection: socket.socket) -> _Request | None:
        try:
            request = _Request(connection)
        except ConnectionError:
            connection.close()
            return None
        _import(request.arguments)
        server, pid = os.getpid(), os.fork()
        if pid == 0:
            tie(server)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for inherited in (*self._callers.values(), self._listening, self._woken, self._wakes, connection):
                inherited.close()
            return request
        request.close()
        with suppress(ConnectionError):  # a caller that is gone is noticed when its connection is read
            connection.sendall(_NUMBER.pack(pid))
        self._callers[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ)
        return None

    def _report(self) -> None:
        while self._callers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            caller = self._callers.pop(pid)
            with caller:
                if caller in self._selector.get_map():  # its caller has not gone before it
                    self._selector.unregister(caller)
                    with suppress(ConnectionError):
                        caller.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))

    def _forget(self, descriptor: int) -> None:
        for pid, caller in self._callers.items():
            if caller.fileno() == descriptor:
                self._selector.unregister(caller)
                os.kill(pid, signal.SIGKILL)
                return


def _noticed(_number: int, _frame: FrameType | None) -> None:
    """Let the end of a child wake the server."""


def _import(arguments: list[str]) -> None:
    """Import the command here, once, and not in each child."""
    name = arguments[0] if arguments else ""
    if name in _COMMANDS:
        import_module(f"onex.cli.{_COMMANDS[name].rpartition('.')[0]}")
    if name in _WITH_AGENTS:
        for module in IMPORTED_ONCE:
            import_module(module)
    gc.freeze()  # a collection in a child would copy the memory that it shares


def main() -> int | None:
    """Serve the folder that the argument names, or be a command."""
    folder = Path(sys.argv[1])
    with socket.socket(socket.AF_UNIX) as listening:
        bound = folder / ".socket"
        listening.bind(str(bound))
        listening.listen(64)
        bound.rename(folder / "socket")  # it appears when it can be called
        request = _Server(listening).serve()
    request.become()
    if request.arguments[:1] and request.arguments[0] in _WITH_AGENTS:
        code = fork_server()
        if code is not None:
            return code
    run_onex()
    return None
