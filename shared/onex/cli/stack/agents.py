"""Starting, watching and replacing the agents of ``onex up``."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from onex.cli.stack.agent_plan import Launch
from onex.cli.stack.stack_file import AgentNote, agent_infos, ask_agent
from onex.errors import ConfigurationError
from onex.local.process import spawn, started_at
from onex.settings import Settings

_PATIENCE, _AGENT_PATIENCE = 30.0, 5.0
"""Seconds until agents must be ready: altogether, and more for each that is started."""
_LOOK_AGAIN = 0.05


class FreshAgents:
    """The agents that one ``onex up`` starts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.notes: list[AgentNote] = []

    def start(self, launch: Launch) -> AgentNote:
        """Start one; it waits by itself for its topics."""
        node = launch.node
        command = [sys.executable, "-m", "onex.cli.main", "run", str(node.folder)]
        process = spawn(command, log_of(self._settings, node.name, launch.number), tied=False)
        self._processes[process.pid] = process
        note = AgentNote(
            pid=process.pid,
            started=started_at(process.pid),
            node=node.name,
            version=node.version,
            folder=node.folder,
            number=launch.number,
            made_from=node.made_from,
        )
        self.notes.append(note)
        return note

    def await_ready(self) -> None:
        """Raises ConfigurationError when one ends, or is not ready in time."""
        patience = _PATIENCE + _AGENT_PATIENCE * len(self.notes)
        deadline = time.monotonic() + patience
        while waiting := not_ready(self.notes, self._settings):
            if ended := [note for note in self.notes if self._processes[note.pid].poll() is not None]:
                codes = ", ".join(f"{note.node} ({self._processes[note.pid].returncode})" for note in ended)
                logs = ", ".join(str(log_of(self._settings, note.node, note.number)) for note in ended)
                raise ConfigurationError(f"agents ended while they started: {codes}; see {logs}")
            if time.monotonic() > deadline:
                reasons = "; ".join(f"{note.node}: {state}" for note, state in waiting)
                folder = self._settings.home / "logs"
                raise ConfigurationError(f"not ready after {patience:.0f} s: {reasons}; logs are in {folder}")
            time.sleep(_LOOK_AGAIN)


def not_ready(agents: Sequence[AgentNote], settings: Settings) -> list[tuple[AgentNote, str]]:
    """Agents that are not ready now, and why."""
    infos = {info["pid"]: info for info in agent_infos(settings)}
    states = [
        (agent, str(ask_agent(infos[agent.pid])["state"]) if agent.pid in infos else "starting") for agent in agents
    ]
    return [(agent, state) for agent, state in states if state != "ready"]


def await_agents(agents: Sequence[AgentNote], settings: Settings) -> list[tuple[AgentNote, str]]:
    """Wait for agents whose server came back. Returns those that are not ready in time, and why."""
    deadline = time.monotonic() + _PATIENCE
    while (waiting := not_ready(agents, settings)) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN)
    return waiting


def log_of(settings: Settings, node: str, number: int) -> Path:
    """Log file of an agent."""
    return settings.home / "logs" / f"{node}.{number}.log"
