"""Agents as processes: started again when they end, as a supervisor does, and measured."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from onex.contract import ResolvedNode

_PAUSE = 1.0


class Agents:
    """One process of each node; a context manager."""

    def __init__(self, nodes: Sequence[ResolvedNode], folder: Path, environment: Mapping[str, str]) -> None:
        self._nodes = {node.contract.name: node for node in nodes}
        self._folder = folder
        self._environment = {**os.environ, **environment, "ONEX_HEARTBEAT_INTERVAL": "0"}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ended: dict[str, int] = dict.fromkeys(self._nodes, 0)
        """How often the process of a node has ended by itself."""

    def __enter__(self) -> Self:
        for name in self._nodes:
            self._start(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "onex.cli.main", "run", str(self._nodes[name].folder)]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def watch(self) -> None:
        """Start again what has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                self.ended[name] += 1
                time.sleep(_PAUSE)
                self._start(name)

    def memory(self) -> dict[str, float]:
        """Resident MiB of each node's process."""
        found: dict[str, float] = {}
        for name, process in self._processes.items():
            try:
                found[name] = psutil.Process(process.pid).memory_info().rss / 2**20
            except psutil.NoSuchProcess:
                continue
        return found
