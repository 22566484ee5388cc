"""Starts the agents of ``onex up``, and waits until they are ready."""

import time
from collections.abc import Sequence
from pathlib import Path

from onex.cli.stack.agent_files import READY, agent_infos, state_of
from onex.cli.stack.agent_plan import Launch
from onex.cli.stack.agent_starter import AgentStarter
from onex.cli.stack.stack_file import AgentNote
from onex.errors import ConfigurationError
from onex.settings import Settings
from onex.util.fork_server import Forked

_TIMEOUT, _TIMEOUT_PER_AGENT = 30.0, 5.0
"""Seconds until agents must be ready: for all of them, and in addition for each that is started."""
_POLL_INTERVAL = 0.05


class StartedAgents:
    """The agents that one ``onex up`` starts."""

    def __init__(self, starter: AgentStarter, settings: Settings, *, allow_unfinished: bool) -> None:
        self._starter = starter
        self._settings = settings
        self._options = ["--allow-unfinished"] if allow_unfinished else []
        self._processes: dict[int, Forked] = {}
        self.notes: list[AgentNote] = []

    def start(self, launch: Launch) -> None:
        """Start an agent. It waits for its topics by itself."""
        from onex.local.process import started_at  # its extra may be missing

        node = launch.node
        arguments = ["run", str(node.folder), *self._options]
        process = self._starter.start(arguments, log_of(self._settings, node.name, launch.number))
        self._processes[process.pid] = process
        note = AgentNote(
            pid=process.pid,
            started=started_at(process.pid),
            node=node.name,
            version=node.version,
            folder=node.folder,
            number=launch.number,
            launch_inputs=node.launch_inputs,
            modules=node.modules,
        )
        self.notes.append(note)

    def await_ready(self) -> None:
        """Wait until all are ready. Raise ConfigurationError when one ends, or is not ready in time."""
        timeout = _TIMEOUT + _TIMEOUT_PER_AGENT * len(self.notes)
        deadline = time.monotonic() + timeout
        while waiting := not_ready(self.notes, self._settings):
            if ended := [note for note in self.notes if self._processes[note.pid].poll() is not None]:
                codes = ", ".join(f"{note.node} ({self._processes[note.pid].returncode})" for note in ended)
                logs = ", ".join(str(log_of(self._settings, note.node, note.number)) for note in ended)
                raise ConfigurationError(f"agents ended while they started: {codes}; see {logs}")
            if time.monotonic() > deadline:
                reasons = "; ".join(f"{note.node}: {state}" for note, state in waiting)
                folder = self._settings.home / "logs"
                raise ConfigurationError(f"not ready after {timeout:.0f} s: {reasons}; logs are in {folder}")
            time.sleep(_POLL_INTERVAL)


def not_ready(agents: Sequence[AgentNote], settings: Settings) -> list[tuple[AgentNote, str]]:
    """Return the agents that are not ready now, each with its state."""
    infos = {info.pid: info for info in agent_infos(settings)}
    states = [(agent, state_of(infos[agent.pid]) if agent.pid in infos else "starting") for agent in agents]
    return [(agent, state) for agent, state in states if state != READY]


def await_agents(agents: Sequence[AgentNote], settings: Settings) -> list[tuple[AgentNote, str]]:
    """Wait up to 30 s for agents whose server came back. Return those that are not ready, each with its state."""
    deadline = time.monotonic() + _TIMEOUT
    while (waiting := not_ready(agents, settings)) and time.monotonic() < deadline:
        time.sleep(_POLL_INTERVAL)
    return waiting


def log_of(settings: Settings, node: str, number: int) -> Path:
    """Return the log file of an agent."""
    return settings.home / "logs" / f"{node}.{number}.log"
