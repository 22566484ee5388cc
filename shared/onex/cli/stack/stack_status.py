"""How the servers and agents of ``onex up`` are, and what to do about those that are not well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onex.bus.protocols import BusHealth
from onex.cli.bus import health_of
from onex.cli.stack.agents import log_of
from onex.cli.stack.stack_file import AgentNote, Stack, agent_infos, ask_agent, is_local_kafka, read_stack
from onex.connect import open_bus
from onex.settings import Settings

_UP = "`onex up` starts it again"
_GONE, _SILENT = "gone", "no answer"


@dataclass(frozen=True, slots=True)
class StackStatus:
    """One look."""

    kafka: BusHealth
    postgres: bool
    """False when the local server should run and does not."""
    agents: Sequence[Mapping[str, object]]
    remedies: Sequence[str]
    """A line for each server or agent that is gone."""

    @property
    def ready(self) -> bool:
        """Whether all of it works."""
        return self.kafka.ok and self.postgres and all(agent["state"] == "ready" for agent in self.agents)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "kafka": {"ok": self.kafka.ok, "detail": self.kafka.detail},
            "postgres": {"ok": self.postgres},
            "agents": self.agents,
            "remedies": self.remedies,
        }


def look(settings: Settings) -> StackStatus:
    """Ask Kafka and all agents. Raises ConfigurationError for settings that no client takes."""
    from onex.local.process import alive

    stack = read_stack(settings)
    bus = open_bus(settings)
    kafka = health_of(bus)
    bus.close()
    postgres = _postgres(settings, stack)
    agents = [_seen(ask_agent(info)) for info in agent_infos(settings)]
    known = {agent["pid"] for agent in agents}
    agents += [_unheard(note, alive(*note.identity)) for note in stack.agents if note.pid not in known]
    remedies: list[str] = []
    if not kafka.ok:
        address = settings.kafka_bootstrap_servers
        outside = f"start it, or correct KAFKA_BOOTSTRAP_SERVERS ({address})"
        remedies.append(f"Kafka is down: {_UP if is_local_kafka(settings) else outside}")
    if not postgres:
        remedies.append(f"PostgreSQL is down: {_UP}")
    notes = {note.pid: note for note in stack.agents}
    remedies += [
        _remedy(agent, notes.get(int(str(agent["pid"]))), settings)
        for agent in agents
        if agent["state"] in (_GONE, _SILENT)
    ]
    return StackStatus(kafka, postgres, agents, remedies)


def _postgres(settings: Settings, stack: Stack) -> bool:
    if not stack.postgres or settings.database_url.get_secret_value() != stack.database_url:
        return True
    from onex.local import LocalPostgres

    return LocalPostgres(settings.home / "postgres").running


def _seen(agent: dict[str, object]) -> dict[str, object]:
    """A process that runs and does not answer is not gone."""
    from onex.local.process import runs

    is_silent = agent["state"] == _GONE and runs(int(str(agent["pid"])))
    return {**agent, "state": _SILENT} if is_silent else agent


def _unheard(note: AgentNote, lives: bool) -> dict[str, object]:
    """An agent that wrote nothing about itself: it has not begun yet, or it has ended."""
    unknown = {"kind": "", "instance": "", "health": ""}
    state = "starting" if lives else _GONE
    return {"node": note.node, "version": note.version, **unknown, "pid": note.pid, "state": state}


def _remedy(agent: Mapping[str, object], note: AgentNote | None, settings: Settings) -> str:
    name = f"{agent['node']} (process {agent['pid']})"
    log = f"its log is {log_of(settings, note.node, note.number)}" if note else ""
    if agent["state"] == _SILENT:
        return (
            f"{name} does not answer: end it (kill -9 {agent['pid']}), then run `onex up`{f'; {log}' if log else ''}"
        )
    if note is None:
        return f"{name} is gone, and `onex up` did not start it: start it again with `onex run {agent['node']}`"
    return f"{name} is gone: {_UP}; {log}"
