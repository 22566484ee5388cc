"""Starts Python programs by forking a process that has imported their modules.

A new interpreter spends a second of processor time on the imports of an agent. A forked one spends none, and shares
the memory of what was imported. The imports of the server start no threads, and open nothing.
"""

import atexit
import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from threading import Lock
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, Self

from onex.util.parent_death import PR_SET_PDEATHSIG

_POLL_INTERVAL: Final = 0.01
_LONGEST_END: Final = 10.0
"""Seconds that a server has to end."""
_RUNNING: Final = 1 << 16
"""Answer for a child that runs: no exit code."""
_CODE: Final = "from onex.util.fork_server import main; sys.exit(main())"
"""Not ``-m``: the module would be there twice, and so would the class of what is asked for."""


class Program(NamedTuple):
    """A module with a ``main``, and what it finds at its start. Streams are files; an empty name is ``/dev/null``."""

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    title: str = ""
    """What lists of processes show, where the server has an environment."""
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    tied: bool = False
    """Whether the program is killed when the server ends (Linux)."""
    forks: bool = False
    """Whether the program has a server of its own, forked before its module runs: see :func:`inherited`."""


class _ServerProcess(Protocol):
    """The process of a server."""

    returncode: int | None

    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


class ForkServer:
    """Starts programs quickly.

    Args:
        modules: names of modules that the server imports first.
        path: folders in which it looks for modules. By default those of any interpreter. With a path the server is
            isolated: it has no environment, and so have the programs but for what is theirs.
        environment: variables of a server without a path, in addition to those of this process.

    It ends with :meth:`close`, and with the process that made it. What is not tied to it continues to run.
    """

    def __init__(
        self,
        modules: Sequence[str],
        path: Sequence[str] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        ours, theirs = Pipe()
        isolated = [] if path is None else ["-I", "-B"]
        code = f"import sys; {_CODE}" if path is None else f"import sys; sys.path[:] = {[*path]!r}; {_CODE}"
        process = subprocess.Popen(
            [sys.executable, *isolated, "-c", code, str(theirs.fileno()), *modules],
            env={**os.environ, **environment} if path is None else {},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._serve_through(ours, process)

    def _serve_through(self, connection: Connection, process: _ServerProcess) -> None:
        self._connection = connection
        self._process = process
        self._lock = Lock()
        _OPEN.add(self)

    @classmethod
    def of(cls, connection: Connection, process: _ServerProcess) -> Self:
        """Return the server that a process is, which serves what comes through a connection."""
        made = cls.__new__(cls)
        made._serve_through(connection, process)
        return made

    def start(self, program: Program) -> "Forked":
        """Start a program, in a session of its own. Raise OSError when the server has ended."""
        return Forked(self, self._ask(program), [program.module, *program.arguments])

    def ended(self, pid: int) -> int | None:
        """Return the exit code of a child, negative for a signal; None while it runs."""
        code = self._ask(pid)
        return None if code == _RUNNING else code

    def close(self) -> None:
        """End the server. Safe to call twice. One that does not end is killed: code that did not fork through Python
        may have a copy of its connection."""
        self._connection.close()
        try:
            self._process.wait(_LONGEST_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Neither wait for the server, which is that of the parent, nor have it wait for this process."""
        self._process.returncode = 0
        self._connection.close()

    def _ask(self, request: Program | int) -> int:
        with self._lock:
            try:
                self._connection.send(request)
                answer: int = self._connection.recv()
            except (EOFError, OSError):
                raise OSError(f"the process that starts others ended with {self._process.wait()}") from None
        return answer


_inherited: list[ForkServer] = []
_OPEN: "weakref.WeakSet[ForkServer]" = weakref.WeakSet()
"""The servers of this process."""


@atexit.register
def _close_all() -> None:
    """Wait for the ends of all servers: an interpreter warns of a process that it leaves behind."""
    for server in list(_OPEN):
        server.close()


def _forget_all() -> None:
    """In a forked child: the servers are those of the parent, and none of them is left behind."""
    for server in list(_OPEN):
        server.forget()
    _OPEN.clear()
    _inherited.clear()


os.register_at_fork(after_in_child=_forget_all)


class Forked:
    """A child of the server, with what :class:`subprocess.Popen` has."""

    def __init__(self, server: ForkServer, pid: int, args: Sequence[str]) -> None:
        self.pid = pid
        self.args = args
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ended(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code at its end. Raise TimeoutExpired after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0.0)
            time.sleep(_POLL_INTERVAL)
        return code

    def send_signal(self, number: int, /) -> None:
        """Send a signal. Nothing happens after the end: no process has the pid before this one is polled."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _serve(connection: Connection) -> Program | None:
    """Fork a child for every program that is asked for. In a child, return what it is to run."""
    ended: dict[int, int] = {}
    while True:
        try:
            request: Program | int = connection.recv()
        except EOFError:
            return None
        match request:
            case int():
                if request not in ended:
                    pid, status = os.waitpid(request, os.WNOHANG)
                    if pid:
                        ended[pid] = os.waitstatus_to_exitcode(status)
                connection.send(ended.get(request, _RUNNING))
            case Program():
                pid = _fork(request)
                if pid == 0:
                    connection.close()
                    return request
                ended.pop(pid, None)  # numbers come again
                connection.send(pid)


def _fork(program: Program) -> int:
    """Fork. Return 0 in the child, and in the server its pid, once it leads a session: its group can be killed."""
    server = os.getpid()
    ready, leads = os.pipe()
    pid = os.fork()
    if pid:
        os.close(leads)
        os.read(ready, 1)  # it ends when the child closes its end, or ends
        os.close(ready)
        return pid
    os.close(ready)
    os.setsid()
    if program.tied:
        tie(server)
    os.close(leads)
    return 0


def tie(parent: int) -> None:
    """Let this process be killed when the parent with this pid ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the call
            os._exit(1)


def _become(program: Program) -> None:
    """Put everything in place that a new interpreter would find."""
    if program.title:
        # An extra brings it. It finds the arguments next to the environment, so that it is asked before that changes.
        import_module("setproctitle").setproctitle(program.title)
    os.environ.clear()
    os.environ.update(program.environment)
    for number, name, flags in (
        (0, program.stdin, os.O_RDONLY),
        (1, program.stdout, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, program.stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(name or os.devnull, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    renew_streams()
    sys.argv = [program.module, *program.arguments]


def renew_streams() -> None:
    """Open Python's standard streams again, on the descriptors 0, 1 and 2 of a process that was forked."""
    # Those of the server know of its files whether they can be sought.
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors, closefd=False, buffering=1
    )


class _ForkedServer:
    """A server that is a child of this process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code at its end. Raise TimeoutExpired after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            pid, status = os.waitpid(self._pid, 0 if deadline is None else os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(["fork server"], timeout or 0.0)
            else:
                time.sleep(_POLL_INTERVAL)
        return self.returncode

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.returncode is None:
            os.kill(self._pid, signal.SIGKILL)


def inherited() -> ForkServer | None:
    """Return the server of a program that was started with ``forks``: it has imported what this program had, and
    none of the modules that this program imports now. None for any other program.
    """
    return _inherited[0] if _inherited else None


def fork_server() -> int | None:
    """Fork a server of this program, see :func:`inherited`. Return None in the program, and the exit code in the
    server and in the processes that it forks.
    """
    connection = _split()
    return None if connection is None else _run(_program(connection))


def _split() -> Connection | None:
    """Fork a server for a program. Return its connection in the server; None in the program."""
    ours, theirs = Pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        ours.close()
        return theirs
    theirs.close()
    _inherited.append(ForkServer.of(ours, _ForkedServer(pid)))
    return None


def main() -> int:
    """Serve, or be a child that was forked."""
    for module in sys.argv[2:]:
        import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a child would copy the memory that it shares
    return _run(_program(Connection(int(sys.argv[1]))))


def _run(program: Program | None) -> int:
    return 0 if program is None else int(import_module(program.module).main() or 0)


def _program(connection: Connection) -> Program | None:
    """Serve. In a child, return what it is to run, and in a server that has ended None."""
    while (program := _serve(connection)) is not None:
        _become(program)
        served = _split() if program.forks else None
        if served is None:
            return program
        connection = served
    return None
