"""The state of the servers and agents of ``onex up``, with a remedy for each that does not work."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from onex.bus.protocols import BusHealth
from onex.cli.bus import health_of
from onex.cli.stack.agent_files import GONE, READY, AgentInfo, agent_infos, readiness_of
from onex.cli.stack.agents import log_of
from onex.cli.stack.stack_file import AgentNote, Stack, is_local_kafka, read_stack
from onex.connect import open_bus
from onex.settings import Settings

_UP = "`onex up` starts it again"
_SILENT = "no answer"


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """An agent and its state."""

    prefix: str
    node: str
    version: str
    kind: str
    instance: str
    pid: int
    health: str
    state: str
    unfinished: Sequence[str] = ()
    """Handlers whose logic is not written yet."""
    paused: str = ""
    """Who paused the node, and why; empty for a node that takes its inputs."""


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The servers and agents at one time."""

    kafka: BusHealth
    postgres: bool
    """False when the local server should run and does not."""
    agents: Sequence[AgentStatus]
    remedies: Sequence[str]
    """A line for each server or agent that does not run."""

    @property
    def ready(self) -> bool:
        """Whether all servers and agents are ready."""
        return self.kafka.ok and self.postgres and all(agent.state == READY for agent in self.agents)

    def as_json(self) -> dict[str, object]:
        """Return the status as a JSON document."""
        return {
            "kafka": {"ok": self.kafka.ok, "detail": self.kafka.detail},
            "postgres": {"ok": self.postgres},
            "agents": [asdict(agent) for agent in self.agents],
            "remedies": self.remedies,
        }


def status_of(settings: Settings) -> StackStatus:
    """Ask Kafka and all agents. Raise ConfigurationError for invalid settings and damaged files."""
    stack = read_stack(settings)
    bus = open_bus(settings)
    kafka = health_of(bus)
    bus.close()
    postgres = _is_postgres_well(settings, stack)
    agents = [_status_of_info(info, settings.topic_prefix) for info in agent_infos(settings)]
    pids = {agent.pid for agent in agents}
    agents += [_status_of_note(note, settings.topic_prefix) for note in stack.agents if note.pid not in pids]
    remedies: list[str] = []
    if not kafka.ok:
        address = settings.kafka_bootstrap_servers
        remote = f"start it, or correct KAFKA_BOOTSTRAP_SERVERS ({address})"
        remedies.append(f"Kafka is down: {_UP if is_local_kafka(settings) else remote}")
    if not postgres:
        remedies.append(f"PostgreSQL is down: {_UP}")
    notes = {note.pid: note for note in stack.agents}
    remedies += [_remedy(agent, notes.get(agent.pid), settings) for agent in agents if agent.state in (GONE, _SILENT)]
    return StackStatus(kafka, postgres, agents, remedies)


def _is_postgres_well(settings: Settings, stack: Stack) -> bool:
    if not stack.postgres or settings.database_url.get_secret_value() != stack.database_url:
        return True
    from onex.local import LocalPostgres

    return LocalPostgres(settings.home / "postgres").running


def _status_of_info(info: AgentInfo, prefix: str) -> AgentStatus:
    """Return the status of an agent that wrote a file. A process that runs and does not reply is not gone."""
    from onex.local.process import runs

    readiness = readiness_of(info)
    silent = _SILENT if runs(info.pid) else GONE
    return AgentStatus(
        prefix,
        info.node,
        info.version,
        info.kind,
        info.instance,
        info.pid,
        info.health,
        silent if readiness is None else readiness.state,
        info.unfinished,
        "" if readiness is None else readiness.paused,
    )


def _status_of_note(note: AgentNote, prefix: str) -> AgentStatus:
    """Return the status of an agent without a file: it has not written it yet, or it has ended."""
    from onex.local.process import alive

    state = "starting" if alive(*note.identity) else GONE
    return AgentStatus(prefix, note.node, note.version, "", "", note.pid, "", state)


def _remedy(agent: AgentStatus, note: AgentNote | None, settings: Settings) -> str:
    name = f"{agent.node} (process {agent.pid})"
    log = f"its log is {log_of(settings, note.node, note.number)}" if note else ""
    if agent.state == _SILENT:
        return f"{name} does not answer: end it (kill -9 {agent.pid}), then run `onex up`{f'; {log}' if log else ''}"
    if note is None:
        return f"{name} is gone, and `onex up` did not start it: start it again with `onex run {agent.node}`"
    return f"{name} is gone: {_UP}; {log}"
