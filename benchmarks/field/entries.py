"""The peers: how each of them is started."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
JAVA = ROOT / "build" / "bench" / "java"
JOB = "{job}"
"""Placeholder for the file with the job."""
_PEERS = ROOT / "build" / "bench" / "peers" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to do the job."""

    name: str
    command: Sequence[str]
    exactly_once: bool = True
    instances: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    group: str = "{group}"
    """Consumer group, where it is not just the job's."""
    is_ours: bool = False
    """A node of the mesh."""

    def environment_of(self) -> dict[str, str]:
        """With this repository's packages in reach, whatever directory and interpreter it runs in."""
        paths = [str(ROOT), str(ROOT / "shared"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **self.environment}


def ours(name: str, module: str, *, exactly_once: bool = True) -> Entry:
    """A loop that needs nothing but what the mesh needs."""
    return Entry(name, (sys.executable, "-m", module, JOB), exactly_once)


def mesh(name: str, folder: Path, group: str, *, exactly_once: bool = True, instances: int = 1) -> Entry:
    """A node as ``onex run`` runs it, all standard layers on. ``group``: with ``{group}`` for the environment."""
    command = (sys.executable, "-m", "onex.cli.main", "run", str(folder))
    return Entry(name, command, exactly_once, instances, group=group, is_ours=True)


def earlier(checkout: Path, folder: Path, group: str) -> Entry:
    """The same node run by the library of another checkout of this repository: what a change costs."""
    checkout = checkout.resolve()
    entry = mesh(f"onex of {checkout.name}", checkout / folder.relative_to(ROOT), group)
    paths = os.pathsep.join([str(checkout), str(checkout / "shared")])
    return replace(entry, environment={"PYTHONPATH": paths})


def theirs(name: str, module: str, *arguments: str, exactly_once: bool = False) -> Entry:
    """A framework, in the environment of the peers (``benchmarks/peers.txt``)."""
    return Entry(name, (str(_PEERS), "-m", module, JOB, *arguments), exactly_once)


def java(name: str, main: str, *, exactly_once: bool = True) -> Entry:
    """A class of ``benchmarks/java``."""
    return Entry(name, ("java", "-Xmx1g", "-cp", f"{JAVA}/classes:{JAVA}/libs/*", main, JOB), exactly_once)


def present(entries: Sequence[Entry]) -> list[Entry]:
    """Those that can run here; the others are left out, and said so."""
    able: list[Entry] = []
    for entry in entries:
        if why := _missing(entry):
            print(f"{entry.name:<34} left out, {why}")
        else:
            able.append(entry)
    return able


def _missing(entry: Entry) -> str:
    if entry.command[0] == str(_PEERS) and not _PEERS.exists():
        return "the peers are not installed: make bench installs them"
    if entry.command[0] == "java" and not (JAVA / "classes").exists():
        return "not built: needs a JDK and Maven" if not shutil.which("mvn") else "not built: make bench builds it"
    return ""
