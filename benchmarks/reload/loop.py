"""``onex dev`` as a process, and when each of its lines came."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

_LIMIT = 120.0
"""Seconds until a line must have come: the first start may download Kafka and PostgreSQL."""
_END = 60.0
_ONEX = (sys.executable, "-m", "onex.cli.main")
READY = "ready: save a file"
CHANGED = "changed "
_FAILED = "not reloaded"


class LoopFailedError(Exception):
    """`onex dev` ended, refused a change, or wrote nothing for too long."""


class DevLoop:
    """`onex dev --plain` of a project that `onex init` wrote."""

    def __init__(self, folder: Path) -> None:
        """``folder``: an empty one, for the project and the stack."""
        self._folder = folder / "shop"
        self._environment = {**os.environ, "ONEX_HOME": str(folder / "home")}
        self._command(folder, "init", "shop")
        self.handler = self._folder / "services" / "node_shop_greeting_compute" / "v1_0_0" / "node.py"
        self._lines = queue.SimpleQueue[tuple[float, str]]()
        self._seen: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*_ONEX, "dev", "--plain"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def await_line(self, begin: str) -> float:
        """Return when the next line that begins so came, on time.monotonic's clock. Raise LoopFailedError."""
        limit = time.monotonic() + _LIMIT
        while True:
            try:
                at, line = self._lines.get(timeout=max(0.0, limit - time.monotonic()))
            except queue.Empty:
                raise self._failed(f"no line {begin!r}") from None
            self._seen.append(line)
            if line.startswith(begin):
                return at
            if line.startswith(_FAILED) or not line:
                raise self._failed(f"no line {begin!r}")

    def edit(self, change: Callable[[str], str]) -> float:
        """Change the handler. Return when it was saved."""
        text = change(self.handler.read_text())
        self.handler.write_text(text)
        return time.monotonic()

    def greet(self, name: str) -> str:
        """Return what the running node answers."""
        answer = self._command(self._folder, "send", "Greet", json.dumps({"name": name}), "--wait", "--json")
        return answer.splitlines()[-1]

    def _command(self, folder: Path, *arguments: str) -> str:
        command = [*_ONEX, *arguments]
        done = subprocess.run(command, cwd=folder, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LoopFailedError(f"onex {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _read(self) -> None:
        """Note when each line came; an empty one at the end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip():
                self._lines.put((time.monotonic(), line))
        self._lines.put((time.monotonic(), ""))

    def _failed(self, why: str) -> LoopFailedError:
        return LoopFailedError(f"{why} from onex dev; it wrote:\n{''.join(self._seen)}")
