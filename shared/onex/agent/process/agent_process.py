"""One agent process: from a resolved node to a drained shutdown."""

import asyncio
import inspect
from collections.abc import Coroutine
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import structlog
import uvloop

from onex.agent.crash import Isolation
from onex.agent.message.pause import PauseSwitch
from onex.agent.message.program import Program
from onex.agent.process.assemble import (
    agent_metrics,
    assemble_effect,
    assemble_program,
    assemble_pure,
    assemble_relay,
    transactional_id,
)
from onex.agent.process.batch_runner import run_pure
from onex.agent.process.capability_loop import running
from onex.agent.process.dependency_watch import checks_of, watching
from onex.agent.process.durations import batch_seconds, call_seconds
from onex.agent.process.effect_runner import EffectRunner
from onex.agent.process.gc_tuning import tune_gc
from onex.agent.process.health_access import port_of
from onex.agent.process.health_server import HealthServer
from onex.agent.process.instance_slot import InstanceSlot
from onex.agent.process.pause_watch import PauseWatch
from onex.agent.process.preflight import check_topics
from onex.agent.process.presence import Presence
from onex.agent.process.services import agent_environment_of
from onex.agent.process.stop import StopSwitch
from onex.agent.process.watchdog.call_watch import Calling, CallWatch
from onex.agent.process.watchdog.clock_watch import ClockWatch
from onex.agent.process.watchdog.hang_alarm import HangAlarm, LoopTurns
from onex.agent.process.watchdog.loop_watch import LoopWatch
from onex.agent.process.watchdog.watchdog import Watchdog, Watched
from onex.agent.runtime import AgentRuntime
from onex.agent.state.backends import RocksBackend
from onex.agent.state.memory import StateMemory
from onex.agent.telemetry.health import Health
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import ProtocolEventBus
from onex.capability import Reports
from onex.capability.host import PartitionShare
from onex.connect import kafka_adapters, open_agent_bus, open_catalogue
from onex.contract import ResolvedNode
from onex.errors import (
    BusError,
    ConfigurationError,
    FencedError,
    SchemaMismatchError,
    StateStoreError,
    TransactionTimedOutError,
    TransientError,
)
from onex.model.enums import EnumNodeKind, EnumStage
from onex.node import NodeEffect
from onex.provisioning.environment import require_environment
from onex.schema.intake_orders import IntakeOrders
from onex.schema.lookups import BETWEEN
from onex.settings import Settings
from onex.util.clock import SystemClock
from onex.util.steady_clock import SteadyClock

log = structlog.get_logger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_FENCES, _FENCE_WINDOW = 3, 60.0
EXIT_NAME_IN_USE = 4
_LEAVE_PATIENCE = 3.0
"""Seconds that the last heartbeat may take."""
_SCHEMA_WAIT = 1.0
"""Seconds for which a batch waits for an unknown schema; after that its partition waits."""
_OF_PARTITIONS = ("partition ", "blocked ", "span ", "restore ", "outage")
"""Complaints about partitions and messages of clients that are closed. New clients complain again where the reason
remains."""
_RETRIED = (BusError, SchemaMismatchError, ConfigurationError, StateStoreError, TransientError, OSError)


class AgentProcess:
    """Owns what lives longer than a set of Kafka clients: slot, health, metrics, health server, watchdogs."""

    def __init__(
        self,
        resolved: ResolvedNode,
        settings: Settings,
        slot: InstanceSlot,
        health: Health,
        calls: CallWatch,
        *,
        handles_signals: bool = True,
    ) -> None:
        """``calls`` already watches the steps of the start, and reports them to ``health``."""
        self._resolved = resolved
        self._settings = settings
        self._slot = slot
        self._contract = resolved.contract
        self._group = self._contract.group(settings.env)
        self._clock = SteadyClock(SystemClock())
        self._memory = StateMemory(settings.state_memory_mb * 1024 * 1024)
        self._health = health
        self._pause = PauseSwitch(health)
        self._metrics = agent_metrics(resolved)
        self._clock_watch = ClockWatch(self._clock, health, self._metrics, self._on_clock_set_back)
        self._isolation = Isolation(slot.folder / "crash", self._clock)
        self._stop = StopSwitch(self._isolation.journal.excuse, handles_signals=handles_signals)
        self._owns_process = handles_signals
        """The process has no other work than this agent."""
        self._calls = calls
        self._calls.excuse = self._isolation.journal.excuse
        self._step = calls.steps.step
        self._slowness = 0
        """Transactions in a row that timed out: each halves the first batch of the next run."""
        self._bus: ProtocolEventBus | None = None
        port = port_of(resolved, settings)
        self._server = HealthServer(
            settings.health_host, port, self._health, self._metrics.registry, settings.health_allow
        )
        self._watchdog = Watchdog(
            settings.stall_timeout,
            self._clock,
            self._health,
            self._metrics,
            self._stop.ask_restart,
            lambda: self._bus,
            self._group,
        )
        self._alarm = HangAlarm(max(3 * settings.stall_timeout, 2 * self._contract.handler_timeout), self._clock)
        self._reports = Reports()
        self._presence = Presence(
            resolved,
            settings,
            slot.name,
            self._server.port,
            self._clock,
            self._health,
            self._metrics,
            self._watchdog.lags,
            self._reports,
        )

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        self._presence.start()
        self._clock_watch.start()
        try:
            return self._run_until_stopped()
        finally:
            self._alarm.stop()
            self._clock_watch.stop()
            self._presence.stop(_LEAVE_PATIENCE)

    def ask_stop(self) -> None:
        """Let :meth:`run` drain and return. From any thread."""
        self._stop.ask_stop()

    def _run_until_stopped(self) -> int:
        wait, fenced_at = _FIRST_WAIT, list[float]()
        while not self._stop.requested:
            self._stop.restart = False
            self._calls.clients_ended()
            try:
                self._run_once()
                wait, self._slowness = _FIRST_WAIT, 0
                continue
            except FencedError as error:
                now = self._clock.monotonic()
                fenced_at = [at for at in fenced_at if now - at < _FENCE_WINDOW] + [now]
                self._isolation.journal.idle()
                if len(fenced_at) >= _FENCES:
                    log.critical(
                        f"instance name in use: fenced {_FENCES} times in {_FENCE_WINDOW:.0f} s, exiting",
                        instance=self._slot.name,
                        error=str(error),
                    )
                    return EXIT_NAME_IN_USE
                self._complain("fenced", error)
            except TransactionTimedOutError as error:
                self._isolation.journal.idle()
                self._slowness += 1
                self._complain("transaction", error)
            except _RETRIED as error:
                self._isolation.journal.idle()
                self._complain("start", error)
            self._watch(None)
            self._stop.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
        self._watchdog.stop()
        self._server.close()
        self._presence.forget()
        log.info("agent stopped", reason=self._stop.reason)
        return 0

    def _on_clock_set_back(self) -> None:
        """Replace the clients: waits that began before the clock was set back last longer by that step."""
        log.warning("replacing the clients of the bus, because the clock was set back")
        self._calls.clients_must_end()
        self._stop.ask_restart()

    def _complain(self, about: str, error: BaseException) -> None:
        if self._health.complain(about, str(error)):
            log.warning("cannot run, trying again", reason=str(error))

    def _run_once(self) -> None:
        """Create clients; run until a stop, a restart or a failure."""
        with self._step("opening the bus"):
            self._bus = open_agent_bus(self._settings, self._contract.delivery.host)
        try:
            runtime, program = self._assembled(self._bus)
            contract = self._contract
            orders = IntakeOrders(
                runtime.bus, runtime.catalogue, self._settings.env, contract.topic_prefix, only=contract.name
            )
            with ExitStack() as capabilities:
                with self._step("looking for a pause"):
                    capabilities.enter_context(PauseWatch(orders, contract.name, self._pause).looking())
                if contract.node_type is EnumNodeKind.EFFECT:
                    uvloop.run(self._run_effect(program, runtime))
                else:
                    with self._step("starting capabilities"):
                        capabilities.enter_context(running(program.composition))
                    self._run_pure(program, runtime)
        finally:
            self._alarm.watch(None)
            self._watch(None)
            self._bus.close()
            self._bus = None
            self._health.forget(_OF_PARTITIONS)

    def _assembled(self, bus: ProtocolEventBus) -> tuple[AgentRuntime, Program]:
        """Check the topics, read the schemas, build the node."""
        with self._step("checking topics"):
            require_environment(bus, self._settings.env, self._contract.topic_prefix)
            topics = check_topics(bus, self._resolved)
            limits = TopicLimits.of(self._resolved, topics, bus.admin, self._clock, self._stop.ask_restart)
            bus.fit(limits.smallest, limits.largest)
        with self._step("reading schemas"):
            # The event loop of an effect must not wait for a schema.
            patience = 0.0 if self._contract.node_type is EnumNodeKind.EFFECT else _SCHEMA_WAIT
            runtime = AgentRuntime(
                clock=self._clock,
                health=self._health,
                pause=self._pause,
                metrics=self._metrics,
                tracing=self._presence.tracing,
                bus=bus,
                catalogue=open_catalogue(self._settings, bus, patience, BETWEEN),
                group=self._group,
                instance=self._slot.name,
                transactional_id=transactional_id(self._contract, self._group, self._slot.name),
                open_backend=self._open_backend,
                isolation=self._isolation,
                environment=agent_environment_of(self._settings),
                reports=self._reports,
                kafka_adapters=kafka_adapters(),
                run_call=asyncio.to_thread,
            )
            return runtime, assemble_program(self._resolved, runtime, limits)

    def _run_pure(self, program: Program, runtime: AgentRuntime) -> None:
        engine = assemble_pure(
            program,
            runtime,
            batch_seconds=batch_seconds(self._settings),
            first_batch=max(1, self._contract.delivery.batch_size >> self._slowness),
        )
        self._alarm.watch(lambda: engine.carried if engine.stage is EnumStage.HANDLER else None)
        with self._step("taking over the transactional id"):
            engine.take_over()
        with self._step("joining the group"):
            engine.subscribe()
        if program.node.capabilities.start:
            with self._step("counting partitions"):
                topics = runtime.bus.admin.topics(list(program.inputs))
            total = sum(topic.partitions for topic in topics.values())
            program.node.container.get(PartitionShare).follow(engine.assigned, total)
        self._started(engine)
        run_pure(engine, call_seconds(self._contract, self._settings), self._stop)

    async def _run_effect(self, program: Program, runtime: AgentRuntime) -> None:
        node = program.node
        assert isinstance(node, NodeEffect)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop.on_wake(partial(loop.call_soon_threadsafe, stopping.set))
        if self._stop():
            return
        try:
            with self._step("starting capabilities"):
                await program.composition.start()
            with self._step("starting the node"):
                await node.start()
            runner = EffectRunner(
                partial(assemble_effect, program, runtime), program.topics, runtime, self._settings.drain_timeout
            )
            if node.capabilities.start:
                with self._step("counting partitions"):
                    topics = await asyncio.to_thread(runtime.bus.admin.topics, list(program.inputs))
                node.container.get(PartitionShare).follow(
                    lambda: sum(partition.topic in topics for partition in runner.partitions),
                    sum(topic.partitions for topic in topics.values()),
                )
            code = Path(inspect.getfile(self._resolved.node_class)).parent
            with (
                LoopWatch(loop, self._contract.name, code, self._clock, self._health, self._metrics),
                watching(checks_of(node), self._health),
            ):
                self._alarm.watch(LoopTurns(loop))
                with self._step("taking over the transactional id"):
                    await runner.take_over()
                with self._step("joining the group"):
                    await runner.subscribe()
                if node.outbox is None:
                    self._started(runner)
                    await runner.run(stopping)
                    return
                relay = assemble_relay(node.outbox, program, runtime)
                self._started(runner, relay)
                await _run_both(runner.run(stopping), relay.run(stopping), stopping)
        finally:
            self._alarm.watch(None)
            self._stop.on_wake(lambda: None)
            try:
                await node.stop()
            finally:
                await program.composition.stop()

    def _started(self, watched: Watched, *others: Calling) -> None:
        self._health.clear("start")
        self._health.clear("fenced")
        self._health.clear("transaction")
        self._watch(watched, *others)
        if self._owns_process:
            tune_gc()
        log.info("agent running", group=self._group, health_port=self._server.port)

    def _watch(self, watched: Watched | None, *others: Calling) -> None:
        """Have the watchdogs watch these; ``watched`` is None while there are no clients."""
        self._watchdog.look_at(watched)
        self._calls.look_at(*([] if watched is None else [watched]), *others)

    def _open_backend(self, number: int, identity: str) -> RocksBackend:
        keep = self._contract.delivery.keep_answers
        return RocksBackend(self._slot.folder / str(number), identity, self._memory, keep, self._clock)


async def _run_both(
    work: Coroutine[None, None, None], relaying: Coroutine[None, None, None], stopping: asyncio.Event
) -> None:
    """Run the engine, and the relay of the node's outbox next to it. When one of them fails, both end."""
    relay = asyncio.create_task(relaying)
    relay.add_done_callback(lambda _: stopping.set())
    try:
        await work
    finally:
        stopping.set()
        await relay
