"""The log of a node's agent, in a form that people read."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

from onex.cli.stack.agents import log_of
from onex.cli.stack.stack_file import read_stack
from onex.errors import ConfigurationError
from onex.settings import Settings
from onex.util.printable import one_line

_TAIL: Final = 65_536
"""Bytes at the end of a log that are read."""
_ALWAYS: Final = frozenset({"node", "instance"})
_LONGEST: Final = 2_000


class AgentLog:
    """Finds the log of the newest agent of a node: each agent of a node writes its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sizes: dict[Path, int] = {}
        self._has_looked = False

    def nodes(self) -> list[str]:
        """Return the names of the nodes that have agents."""
        with suppress(ConfigurationError, OSError):
            return sorted({agent.node for agent in read_stack(self._settings).agents})
        return []

    def ending(self, node: str, count: int) -> list[str]:
        """Return the last lines, for people."""
        log = self._newest(node)
        if log is None or count < 1:
            return []
        return [readable(line) for line in _tail(log).splitlines()[-count:]]

    def added(self, node: str) -> list[str]:
        """Return the lines of all agents of the node since the previous call, for people. The first call has none."""
        first, lines = not self._has_looked, list[str]()
        self._has_looked = True
        for log in sorted((self._settings.home / "logs").glob(f"{node}.*.log")):
            with suppress(OSError):
                size = log.stat().st_size
                before = size if first else min(self._sizes.get(log, 0), size)
                self._sizes[log], whole = _whole_lines(log, before, size)
                lines += whole
        return [readable(line) for line in lines]

    def _newest(self, node: str) -> Path | None:
        with suppress(ConfigurationError, OSError):
            agents = [agent for agent in read_stack(self._settings).agents if agent.node == node]
            if agents:
                newest = max(agents, key=lambda agent: agent.started)
                return log_of(self._settings, node, newest.number)
        return None


def _tail(log: Path, size: int = _TAIL) -> str:
    with suppress(OSError), log.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - size))
        return file.read(size).decode(errors="replace")
    return ""


def _whole_lines(log: Path, before: int, size: int) -> tuple[int, list[str]]:
    """Return the lines that end between two positions, and the position behind the last one."""
    start = max(before, size - _TAIL)
    with log.open("rb") as file:
        file.seek(start)
        written = file.read(size - start)
    end = written.rfind(b"\n") + 1
    begin = written.find(b"\n") + 1 if start > before else 0  # the first line is cut
    return start + end, written[begin:end].decode(errors="replace").splitlines()


def readable(line: str) -> str:
    """Return a line of a log without braces and names that all lines have: time, level, event, other values."""
    try:
        event: object = json.loads(line)
    except (ValueError, RecursionError):
        return one_line(line[:_LONGEST])
    match event:
        case {"event": words, "level": level, "timestamp": str(time), **values}:
            others = [f"{name}={value}" for name, value in values.items() if name not in _ALWAYS]
            return one_line(f"{time[11:19]} {level:7} {words}  {' '.join(others)}"[:_LONGEST].rstrip())
    return one_line(line[:_LONGEST])
