"""Run generated code without access to the agent's environment, files, processes and network."""

import asyncio
import json
import os
import signal
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Literal

import onex
from onex.errors import RejectedError
from onex.sandbox import launcher
from onex.sandbox.servers import SERVERS
from onex.util.fork_server import Program

_LAUNCHER = launcher.__name__
_MOST_OUTPUT = 256 * 1024
_POLL_INTERVAL = 0.02
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
_NOBODY = 65_534


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a command."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs Python code on files of foreign origin, with limits of time, processor, memory, files and output."""

    kind: Literal["namespaces", "process"]
    """``process``: an empty environment and the limits, with the files, processes and network of the agent's user."""
    seconds: float
    modules: tuple[str, ...] = ()
    """Modules that the code will import. They are imported once for all runs."""

    async def problem(self) -> str:
        """Return the reason why the sandbox cannot run on this machine. Empty when it can."""
        ended = await self.run({}, "pass")
        return "" if ended.code == 0 else ended.output.strip() or f"it ends with {ended.code}"

    async def run(self, files: Mapping[str, str], code: str) -> Ended:
        """Run Python code in a folder with these files. Raises RejectedError for a path that leads out of it."""
        is_cancelled = Event()
        try:
            # One thread makes the folder, runs the process and removes the folder, also when this task is cancelled.
            return await asyncio.to_thread(self._run, files, code, is_cancelled)
        except asyncio.CancelledError:
            is_cancelled.set()
            raise

    def _run(self, files: Mapping[str, str], code: str, is_cancelled: Event) -> Ended:
        # Of kind `process`, a process that left the group may still write while the folder is removed.
        with tempfile.TemporaryDirectory(prefix="onex-tests-", ignore_cleanup_errors=True) as scratch:
            work = Path(scratch) / "work"
            work.mkdir()
            _write(work, files)
            if os.getuid() == 0 and self.kind == "namespaces":
                _change_owner(work)
            return self._launched(work, code, is_cancelled)

    def _launched(self, work: Path, code: str, is_cancelled: Event) -> Ended:
        folders = _python_folders()
        spec = {
            "code": code,
            "folder": str(work),
            "readable": [*_SYSTEM, *folders, sys.prefix, sys.base_prefix],
            "seconds": int(self.seconds) + 1,
            "namespaces": self.kind == "namespaces",
        }
        # A file, not a pipe: a process that left the group would keep a pipe open, and wait for its reader.
        output = work.parent / "output"
        launched = Program(_LAUNCHER, [json.dumps(spec)], {}, stdout=str(output), stderr=str(output), tied=True)
        code_of_end = _end_of(self, folders, launched, is_cancelled)
        if code_of_end is None:
            return Ended(-1, f"it took longer than {self.seconds:g} s")
        with output.open("rb") as read:
            return Ended(code_of_end, read.read(_MOST_OUTPUT).decode(errors="replace"))


def _end_of(sandbox: Sandbox, folders: Sequence[str], launched: Program, is_cancelled: Event) -> int | None:
    """Run a program and return its exit code, or None when it took too long. Nothing of its group remains."""
    process = SERVERS.start(sandbox.modules, folders, launched)
    deadline = time.monotonic() + sandbox.seconds
    try:
        while (code := process.poll()) is None and time.monotonic() < deadline:
            if is_cancelled.wait(_POLL_INTERVAL):
                break
        return code
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _python_folders() -> list[str]:
    """Return the folders of Python's library, of installed packages and of ``onex``: not all of the agent's path."""
    paths = sysconfig.get_paths()
    installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages", "lib-dynload"))]
    library = str(Path(onex.__file__).resolve().parents[1])
    return list(dict.fromkeys([library, paths["stdlib"], paths["platstdlib"], *installed]))


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = (root / name).resolve()
        if root.resolve() not in path.parents:
            raise RejectedError(f"{name!r} leads out of the package")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _change_owner(work: Path) -> None:
    """Make the user that runs the command the owner of all files."""
    for path in (work, *work.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY)
    work.parent.chmod(0o755)
