"""Processes forked from one that has imported everything: a start of an interpreter costs most of a second.

``ForkServer`` starts an interpreter with :func:`main`, which forks a child for every ``start``. A child runs a
module as a new interpreter would: environment, arguments and streams are its own. Children end with the server, the
server ends with the test run.
"""

import ctypes
import faulthandler
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

_PRELOADED = (
    "onex.cli.main",
    "onex.cli.run",
    "onex.cli.messages.send",
    "onex.agent.process.agent_process",
    "onex.bus.kafka",
)
_PR_SET_PDEATHSIG = 1
_LOOK_AGAIN = 0.01


class Process(Protocol):
    """What tests do with a process, forked or not."""

    @property
    def pid(self) -> int: ...
    @property
    def args(self) -> object: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


class Program(NamedTuple):
    """A module with a ``main``, and what it finds at its start. Streams are files; an empty name is ``/dev/null``."""

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """How a program ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class ForkServer:
    """Starts programs quickly. One a test worker."""

    def __init__(self) -> None:
        ours, theirs = Pipe()
        # Not with -m: the module would be there twice, and so would the class of what is asked for.
        code = "import sys; from tests.integration.forked import main; sys.exit(main())"
        command = [sys.executable, "-c", code, str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self._connection: Connection = ours
        self._lock = Lock()

    def start(self, program: Program) -> "Forked":
        """Start a program."""
        return Forked(self, self._ask(program), [program.module, *program.arguments])

    def run(self, program: Program, text: str = "", timeout: float = 60.0) -> Output:
        """Start a program and wait for its end. Raise TimeoutExpired."""
        with tempfile.TemporaryDirectory() as folder:
            stdin, stdout, stderr = (Path(folder) / name for name in ("stdin", "stdout", "stderr"))
            stdin.write_text(text)
            streams = program._replace(stdin=str(stdin), stdout=str(stdout), stderr=str(stderr))
            process = self.start(streams)
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
            return Output(code, stdout.read_text(), stderr.read_text())

    def ended(self, pid: int) -> int | None:
        """Exit code of a child, negative for a signal; None while it runs."""
        code = self._ask(pid)
        return None if code == _RUNNING else code

    def close(self) -> None:
        """End the server and all its children."""
        self._connection.close()
        self._process.wait(20)

    def _ask(self, request: Program | int) -> int:
        with self._lock:
            self._connection.send(request)
            answer: int = self._connection.recv()
        return answer


class Forked:
    """A child of the server, with the methods of ``subprocess.Popen`` that tests use."""

    def __init__(self, server: ForkServer, pid: int, args: Sequence[str]) -> None:
        self.pid = pid
        self.args = args
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ended(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Exit code at its end. Raise TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0.0)
            time.sleep(_LOOK_AGAIN)  # between looks at the child, not instead of one
        return code

    def send_signal(self, sig: int, /) -> None:
        """Nothing happens where it has ended: its pid is not used by another process before it is polled."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


_RUNNING = 1 << 16


def _serve(connection: Connection) -> Program | None:
    """Fork a child for every program that is asked for. In a child, return what it is to run."""
    ended: dict[int, int] = {}
    while True:
        try:
            request: Program | int = connection.recv()
        except EOFError:
            return None
        if isinstance(request, Program):
            pid = os.fork()
            if pid == 0:
                connection.close()
                return request
            ended.pop(pid, None)  # numbers come again
            connection.send(pid)
            continue
        if request not in ended:
            pid, status = os.waitpid(request, os.WNOHANG)
            if pid:
                ended[pid] = os.waitstatus_to_exitcode(status)
        connection.send(ended.get(request, _RUNNING))


def _become(program: Program) -> None:
    """Put everything in place that a new interpreter would find."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
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
    sys.argv = [program.module, *program.arguments]
    sys.path[:0] = [path for path in program.environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    failpoint = import_module("onex.util.failpoint")
    failpoint._ARMED = program.environment.get("ONEX_FAILPOINT", "")  # type: ignore[attr-defined]  # read on import
    faulthandler.register(signal.SIGUSR2)
    if program.environment.get("PYTHONFAULTHANDLER"):
        faulthandler.enable()


def main() -> int:
    """Serve, or be a child that was forked."""
    for module in _PRELOADED:
        import_module(module)
    gc.collect()
    gc.freeze()
    program = _serve(Connection(int(sys.argv[1])))
    if program is None:
        return 0
    _become(program)
    return int(import_module(program.module).main() or 0)
