"""The steps of ``onex up``. Each records its change in the stack file, and the action that undoes it."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from onex.cli.options import Services, load_settings
from onex.cli.output import console, errors
from onex.cli.stack.agent_files import remove_files_of_dead_agents
from onex.cli.stack.agent_starter import AgentStarter
from onex.cli.stack.stack_file import AgentNote, ProcessNote, read_stack, write_stack, write_stack_file
from onex.cli.stack.undo import Undo
from onex.errors import ConfigurationError
from onex.settings import STACK_FILE, Settings

if TYPE_CHECKING:
    from onex.cli.stack.agent_plan import AgentPlan, WantedNode
    from onex.contract import ResolvedNode
    from onex.local import LocalKafka

_STOP_TIMEOUT = 10.0
"""Seconds that a server has to end, after a start that failed."""
_MORE_THAN_DRAINING = 10.0
"""Seconds that an agent has to end after its drain timeout."""


class StackStart:
    """One start of the servers and agents of a folder."""

    def __init__(
        self, settings: Settings, undo: Undo, starter: AgentStarter, *, with_registry: bool, allow_unfinished: bool
    ) -> None:
        self._settings = settings
        self._starter = starter
        self._with_registry = with_registry
        self._allow_unfinished = allow_unfinished
        self._undo = undo
        self._began = time.monotonic()
        self._stack = read_stack(settings)
        self._nodes: list[ResolvedNode] = []
        self._earlier: dict[str, list[ResolvedNode]] = {}
        self._restarted_servers = False
        file = settings.home / STACK_FILE
        before = file.read_bytes() if file.exists() else None
        undo.on_failure("files of agents", lambda: remove_files_of_dead_agents(settings))
        undo.on_failure(f"changes of {file}", lambda: write_stack_file(settings, before))

    def servers(self, services: Services, port: int | None, *, for_agents: bool) -> None:
        """Start Kafka, and PostgreSQL for nodes that need it, and write their addresses to the stack file.

        Resolve the nodes meanwhile.
        """
        stack, configured = self._stack, self._settings.kafka_bootstrap_servers
        kafka = self._launch_kafka(port) if configured in ("", stack.kafka_bootstrap_servers) else None
        if kafka is not None and for_agents:
            self._starter.prepare()  # its imports are done when Kafka is ready
        self._settings = self._completed(self._settings)
        self._resolve()
        if self._settings.database_url.get_secret_value() in ("", stack.database_url) and self._needs_postgres():
            self._start_postgres()
        if kafka is not None:
            kafka.wait()
            console.print(f"Kafka ready ({kafka.bootstrap_servers}) after {self._elapsed:.1f} s")
        self._note(services=tuple(str(folder.resolve()) for folder in self._settings.services))
        self._settings = self._completed(load_settings(services))
        if kafka is not None and self._settings.kafka_bootstrap_servers != kafka.bootstrap_servers:
            raise ConfigurationError(
                f"KAFKA_BOOTSTRAP_SERVERS is {configured}, the previous address of the local Kafka; it is at "
                f"{kafka.bootstrap_servers} now: unset the variable, or change it"
            )

    def agents(self, instances: int | None, restart: bool) -> list[tuple[AgentNote, str]]:
        """Start agents, and stop those that they replace. Return those that ran before and are not ready."""
        from onex.cli.provision import provision
        from onex.cli.stack.agents import StartedAgents, await_agents, not_ready

        instances = instances or self._stack.instances
        plan = self._plan(instances, restart)
        before = (*plan.kept, *plan.others, *(retirement.agent for retirement in plan.retired))
        self._note(instances=instances, agents=before)
        if self._settings.instance and plan.retired:
            # Two processes cannot have the same instance name: the old one stops before the new one starts.
            self._stop([retirement.agent for retirement in plan.retired])
        started = StartedAgents(self._starter, self._settings, allow_unfinished=self._allow_unfinished)
        self._undo.on_failure("agents that were started", lambda: self._stop(started.notes))
        for launch in plan.started:
            with self._undo.step():
                started.start(launch)
                self._note(agents=(*before, *started.notes))
        changes = provision(self._settings).changes
        counts = {action: sum(change.action == action for change in changes) for action in ("create", "register")}
        console.print(f"{counts['create']} topics created, {counts['register']} schemas registered")
        began = time.monotonic()
        started.await_ready()
        self._undo.keep()  # from here on the new agents are the ones that run
        self._stop([retirement.agent for retirement in plan.retired])
        self._note(agents=(*plan.kept, *plan.others, *started.notes))
        unready = (await_agents if self._restarted_servers else not_ready)(plan.kept, self._settings)
        ready = len(plan.kept) + len(started.notes) - len(unready)
        console.print(
            f"{ready} agents ready after {time.monotonic() - began:.1f} s more "
            f"({len(started.notes)} started, {len(plan.retired)} stopped)"
        )
        return unready

    def _launch_kafka(self, port: int | None) -> "LocalKafka | None":
        """Start Kafka, unless it runs. The stack file has it before it is ready, so that `onex down` can stop it."""
        from onex.local import LocalKafka
        from onex.local.process import alive, stop

        note = self._stack.kafka
        if note is not None and alive(*note.identity):
            if port not in (None, _port(self._stack.kafka_bootstrap_servers)):
                address = self._stack.kafka_bootstrap_servers
                raise ConfigurationError(f"--kafka-port {port}: Kafka runs at {address}; `onex down` stops it")
            return None
        kafka = LocalKafka(self._settings.home / "kafka", tied=False, port=port or 0, progress=console.print)
        kafka.prepare()
        self._undo.on_failure("the start of Kafka", lambda: stop(kafka.pid, kafka.started, _STOP_TIMEOUT))
        with self._undo.step():
            kafka.launch()
            note = ProcessNote(pid=kafka.pid, started=kafka.started)
            self._note(kafka=note, kafka_bootstrap_servers=kafka.bootstrap_servers)
        self._restarted_servers = True
        return kafka

    def _completed(self, settings: Settings) -> Settings:
        """Return the settings with the folders of the registry and health nodes, or without them."""
        from onex.cli.installed_nodes import with_mesh_nodes, without_mesh_nodes

        complete = with_mesh_nodes if self._with_registry else without_mesh_nodes
        return settings.model_copy(update={"services": complete(settings.services)})

    def _resolve(self) -> None:
        """Resolve the nodes, and the versions whose workflow runs their agents finish. Raise ContractError,
        also for unfinished handlers unless these are allowed."""
        from onex.cli.node_lookup import resolve_all
        from onex.contract.resolve import earlier_versions
        from onex.contract.unfinished import refuse_unfinished

        self._nodes = resolve_all(self._settings)
        if not self._allow_unfinished:
            refuse_unfinished(self._nodes)
        for node in self._nodes:
            if node.contract.workflow_coordination:
                self._earlier[str(node.folder)] = earlier_versions(node)

    def _needs_postgres(self) -> bool:
        """Return whether a node connects to PostgreSQL, or an earlier start has started it: it runs until `down`."""
        from onex.contract.needs import needs_database

        return self._stack.postgres or any(map(needs_database, self._nodes))

    def _start_postgres(self) -> None:
        from onex.local import LocalPostgres

        postgres = LocalPostgres(self._settings.home / "postgres")
        if not postgres.running:
            self._undo.on_failure("the start of PostgreSQL", postgres.stop)
            self._restarted_servers = True
        with self._undo.step():  # an interrupted start may or may not leave a server
            self._note(postgres=True)
            self._note(database_url=postgres.start())
        console.print(f"PostgreSQL ready (Unix socket) after {self._elapsed:.1f} s")

    def _plan(self, instances: int, restart: bool) -> "AgentPlan":
        from onex.cli.stack.agent_plan import plan_agents
        from onex.cli.stack.unfinished_runs import refuse_unfinished_runs
        from onex.local.process import alive

        wanted = [self._wanted(node) for node in self._nodes]
        running = [agent for agent in self._stack.agents if alive(*agent.identity)]
        plan = plan_agents(wanted, running, instances, replace_all=restart)
        refuse_unfinished_runs(self._nodes, plan.retired, self._settings)
        for retirement in plan.retired:
            agent = retirement.agent
            console.print(f"{agent.node} {agent.version} (process {agent.pid}) will stop: {retirement.reason}")
        if plan.others:
            names = ", ".join(sorted({agent.node for agent in plan.others}))
            console.print(f"{len(plan.others)} agents of other nodes continue to run: {names}")
        return plan

    def _wanted(self, node: "ResolvedNode") -> "WantedNode":
        from onex.cli.stack.agent_plan import WantedNode
        from onex.cli.stack.launch_inputs import code_files, launch_inputs

        earlier = self._earlier.get(str(node.folder), ())
        files = code_files(node, earlier)
        return WantedNode(
            node.contract.name,
            str(node.contract.contract_version),
            node.folder,
            launch_inputs(node, earlier, self._settings, files),
            tuple(file for file in files if not file.is_relative_to(node.folder)),
        )

    def _stop(self, agents: Sequence[AgentNote]) -> None:
        from onex.local.process import stop_all

        timeout = self._settings.drain_timeout + _MORE_THAN_DRAINING
        if killed := stop_all([agent.identity for agent in agents], timeout):
            errors.print(f"{len(killed)} agents did not drain in time and were killed")

    def _note(self, **changes: object) -> None:
        """Change fields of the stack file, together."""
        with self._undo.step():
            self._stack = self._stack.model_copy(update=changes)
            write_stack(self._settings, self._stack)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began


def _port(address: str) -> int:
    return int(address.rpartition(":")[2] or 0)
