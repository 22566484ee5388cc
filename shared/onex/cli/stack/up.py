"""``onex up``: a whole mesh on this machine.

What takes longest begins first. Kafka is started before anything that this command does not need for that is even
imported, and agents import theirs while topics and schemas are made. Until all of that has worked, each change is
noted with what undoes it: a start that fails or is interrupted leaves what ran before, and nothing else.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from onex.cli.options import Services, load_settings
from onex.cli.output import Exit, console, errors
from onex.cli.stack.stack_file import AgentNote, ProcessNote, forget_dead_agents, read_stack, write_stack
from onex.cli.stack.undo import Undo
from onex.errors import ConfigurationError
from onex.settings import STACK_FILE, Settings

if TYPE_CHECKING:
    from onex.cli.stack.agent_plan import AgentPlan
    from onex.contract import ResolvedNode
    from onex.local import LocalKafka

_STOP_PATIENCE = 10.0
"""Seconds that a server gets to end, after a start that failed."""
_MORE_THAN_DRAINING = 10.0


def up(
    services: Services = None,
    agents: Annotated[bool, typer.Option(help="Start an agent for every node.")] = True,
    instances: Annotated[
        int | None,
        typer.Option("--instances", "-n", min=1, help="Processes for each node. Default: as many as before, or 1."),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Replace agents whose code is the same, too.")] = False,
    kafka_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help="Port of the local Kafka. Default: the one it had before, or a free one."
        ),
    ] = None,
) -> None:
    """Start Kafka, PostgreSQL and the agents, and provision topics and schemas.

    Run it again after changes: it replaces agents whose code, contract, settings or servers changed, and starts those
    that are gone. When it fails or is interrupted, what ran before goes on.

    KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL, when set, are used instead of local servers.
    """
    settings = load_settings(services)
    undo = Undo(lambda problem: errors.print(problem))
    try:
        with undo:
            start = _Start(settings, undo)
            start.servers(services, kafka_port)
            late = start.agents(instances, restart) if agents else []
            undo.keep()
    except KeyboardInterrupt:
        state = (
            "the new agents run; `onex up` ends the old ones" if undo.kept else "what was started is stopped again"
        )
        with suppress(OSError):  # the terminal may be gone
            errors.print(f"interrupted: {state}")
        raise
    forget_dead_agents(settings)
    for agent, state in late:
        errors.print(f"{agent.node} (process {agent.pid}) is not ready: {state}")
    if late:
        raise typer.Exit(Exit.FAILED)


class _Start:
    def __init__(self, settings: Settings, undo: Undo) -> None:
        self._settings = settings
        self._undo = undo
        self._began = time.monotonic()
        self._stack = read_stack(settings)
        self._nodes: list[ResolvedNode] = []
        self._earlier: dict[str, list[ResolvedNode]] = {}
        self._restarted_servers = False
        file = settings.home / STACK_FILE
        before = file.read_bytes() if file.exists() else None
        undo.on_failure("what agents wrote about themselves", lambda: forget_dead_agents(settings))
        undo.on_failure(f"changes of {file}", lambda: write_stack(settings, before))

    def servers(self, services: Services, port: int | None) -> None:
        """Kafka and PostgreSQL answer, and the stack file has their addresses. Nodes are resolved meanwhile."""
        stack, given = self._stack, self._settings.kafka_bootstrap_servers
        kafka = self._launch_kafka(port) if given in ("", stack.kafka_bootstrap_servers) else None
        self._resolve()
        if self._settings.database_url.get_secret_value() in ("", stack.database_url):
            self._start_postgres()
        if kafka is not None:
            kafka.wait()
            console.print(f"Kafka ready ({kafka.bootstrap_servers}) after {self._elapsed:.1f} s")
        self._note(services=tuple(str(folder.resolve()) for folder in self._settings.services))
        self._settings = load_settings(services)
        if kafka is not None and self._settings.kafka_bootstrap_servers != kafka.bootstrap_servers:
            raise ConfigurationError(
                f"KAFKA_BOOTSTRAP_SERVERS is {given}, where the local Kafka was before; it is at "
                f"{kafka.bootstrap_servers} now: unset the variable, or change it"
            )

    def agents(self, instances: int | None, restart: bool) -> list[tuple[AgentNote, str]]:
        """The agents run, and those that they replace do not. Returns those that were there and are not ready."""
        from onex.cli.provision import provision
        from onex.cli.stack.agents import FreshAgents, await_agents, not_ready

        wanted = instances or self._stack.instances
        plan = self._plan(wanted, restart)
        before = (*plan.kept, *plan.others, *(each.agent for each in plan.retired))
        self._note(instances=wanted, agents=before)
        if self._settings.instance and plan.retired:
            # Two processes cannot have the one name, so the new one cannot wait until it is ready.
            self._stop([each.agent for each in plan.retired])
        fresh = FreshAgents(self._settings)
        self._undo.on_failure("agents that were started", lambda: self._stop(fresh.notes))
        for launch in plan.started:
            with self._undo.step():
                fresh.start(launch)
                self._note(agents=(*before, *fresh.notes))
        changes = provision(self._settings).changes
        counts = {action: sum(change.action == action for change in changes) for action in ("create", "register")}
        console.print(f"{counts['create']} topics created, {counts['register']} schemas registered")
        began = time.monotonic()
        fresh.await_ready()
        self._undo.keep()  # from here on the new agents are the ones that run
        self._stop([each.agent for each in plan.retired])
        self._note(agents=(*plan.kept, *plan.others, *fresh.notes))
        late = (await_agents if self._restarted_servers else not_ready)(plan.kept, self._settings)
        ready = len(plan.kept) + len(fresh.notes) - len(late)
        console.print(
            f"{ready} agents ready after {time.monotonic() - began:.1f} s more "
            f"({len(fresh.notes)} started, {len(plan.retired)} stopped)"
        )
        return late

    def _launch_kafka(self, port: int | None) -> "LocalKafka | None":
        """None when it runs. It is noted before it is ready, so that `onex down` knows it whatever happens next."""
        from onex.local import LocalKafka
        from onex.local.process import alive, stop

        known = self._stack.kafka
        if known is not None and alive(*known.identity):
            if port not in (None, _port(self._stack.kafka_bootstrap_servers)):
                address = self._stack.kafka_bootstrap_servers
                raise ConfigurationError(f"--kafka-port {port}: Kafka runs at {address}; `onex down` stops it")
            return None
        kafka = LocalKafka(self._settings.home / "kafka", tied=False, port=port or 0, progress=console.print)
        kafka.prepare()
        self._undo.on_failure("the start of Kafka", lambda: stop(kafka.pid, kafka.started, _STOP_PATIENCE))
        with self._undo.step():
            kafka.launch()
            note = ProcessNote(pid=kafka.pid, started=kafka.started)
            self._note(kafka=note, kafka_bootstrap_servers=kafka.bootstrap_servers)
        self._restarted_servers = True
        return kafka

    def _resolve(self) -> None:
        """The nodes to run, and the earlier versions whose runs of workflows their agents carry. Raises
        ContractError."""
        from onex.cli.node_lookup import resolve_all
        from onex.contract.resolve import earlier_versions

        self._nodes = resolve_all(self._settings)
        for node in self._nodes:
            if node.contract.workflow_coordination:
                self._earlier[str(node.folder)] = earlier_versions(node)

    def _start_postgres(self) -> None:
        from onex.local import LocalPostgres

        postgres = LocalPostgres(self._settings.home / "postgres")
        if not postgres.running:
            self._undo.on_failure("the start of PostgreSQL", postgres.stop)
            self._restarted_servers = True
        with self._undo.step():  # where it is interrupted half-way it is not known whether there is a server
            self._note(postgres=True)
            self._note(database_url=postgres.start())
        console.print(f"PostgreSQL ready (Unix socket) after {self._elapsed:.1f} s")

    def _plan(self, instances: int, restart: bool) -> "AgentPlan":
        from onex.cli.stack.agent_plan import WantedNode, plan_agents
        from onex.cli.stack.launch_inputs import made_from
        from onex.cli.stack.unfinished_runs import refuse_runs_left_behind
        from onex.local.process import alive

        wanted = [
            WantedNode(
                node.contract.name,
                str(node.contract.contract_version),
                node.folder,
                made_from(node, self._earlier.get(str(node.folder), ()), self._settings),
            )
            for node in self._nodes
        ]
        running = [agent for agent in self._stack.agents if alive(*agent.identity)]
        plan = plan_agents(wanted, running, instances, all_again=restart)
        refuse_runs_left_behind(self._nodes, plan.retired, self._settings)
        for each in plan.retired:
            agent = each.agent
            console.print(f"{agent.node} {agent.version} (process {agent.pid}) will stop: {each.why}")
        if plan.others:
            names = ", ".join(sorted({agent.node for agent in plan.others}))
            console.print(f"{len(plan.others)} agents of other nodes go on: {names}")
        return plan

    def _stop(self, agents: Sequence[AgentNote]) -> None:
        from onex.local.process import stop_all

        patience = self._settings.drain_timeout + _MORE_THAN_DRAINING
        if killed := stop_all([agent.identity for agent in agents], patience):
            errors.print(f"{len(killed)} agents did not drain in time and were killed")

    def _note(self, **changes: object) -> None:
        """Changes of the stack file, which appear together."""
        with self._undo.step():
            self._stack = self._stack.model_copy(update=changes)
            write_stack(self._settings, self._stack)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began


def _port(address: str) -> int:
    return int(address.rpartition(":")[2] or 0)
