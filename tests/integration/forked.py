"""Programs of tests: forked, tied to the test run, with what a test looks for in their logs."""

import faulthandler
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from onex.util.fork_server import Forked, ForkServer, Program

_PRELOADED = (
    "onex.cli.main",
    "onex.cli.run",
    "onex.cli.messages.send",
    "onex.cli.dlq.commands",
    "onex.cli.doctor.command",
    "onex.cli.nodes",
    "onex.cli.offsets",
    "onex.cli.pause",
    "onex.cli.provision",
    "onex.cli.state",
    "onex.cli.top",
    "onex.cli.topics",
    "onex.cli.workflows",
    "onex.agent.process.agent_process",
    "onex.bus.kafka",
)


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


@dataclass(frozen=True, slots=True)
class Output:
    """How a program ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class Forks:
    """Starts the programs of a test worker. They end with it."""

    def __init__(self) -> None:
        self._server = ForkServer(_PRELOADED)

    def start(self, module: str, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> Forked:
        """Start a module. It writes into ``log``."""
        return self._server.start(_program(module, arguments, env)._replace(stdout=str(log), stderr=str(log)))

    def run(
        self, module: str, arguments: Sequence[str], env: Mapping[str, str], text: str = "", timeout: float = 60.0
    ) -> Output:
        """Run a module with ``text`` as its input. Raise TimeoutExpired."""
        with tempfile.TemporaryDirectory() as folder:
            stdin, stdout, stderr = (Path(folder) / name for name in ("stdin", "stdout", "stderr"))
            stdin.write_text(text)
            program = _program(module, arguments, env)
            process = self._server.start(program._replace(stdin=str(stdin), stdout=str(stdout), stderr=str(stderr)))
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
            return Output(code, stdout.read_text(), stderr.read_text())


def _program(module: str, arguments: Sequence[str], env: Mapping[str, str]) -> Program:
    return Program(__name__, [module, *arguments], env, tied=True)


def main() -> int:
    """Run the module that the arguments name, in a process that was forked."""
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    arrange()
    return int(import_module(module).main() or 0)


def arrange() -> None:
    """Read what an interpreter, and modules on their import, read from the environment."""
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    failpoint = import_module("onex.util.failpoint")
    failpoint._ARMED = os.environ.get("ONEX_FAILPOINT", "")  # type: ignore[attr-defined]  # read on import
    faulthandler.register(signal.SIGUSR2)
    if os.environ.get("PYTHONFAULTHANDLER"):
        faulthandler.enable()
