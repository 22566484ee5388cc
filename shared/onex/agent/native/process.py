"""One agent process: from a contract on disk to a drained shutdown."""

import asyncio
import json
import os
from functools import partial
from pathlib import Path

import structlog

from onex.agent.announce import Announcer, Identity
from onex.agent.announce.vitals import Vitals
from onex.agent.backing import RocksBacking
from onex.agent.clock import SystemClock
from onex.agent.effect import EffectEngine
from onex.agent.health import Health
from onex.agent.metrics import AgentMetrics
from onex.agent.native.effect_host import EffectHost
from onex.agent.native.logs import configure_logs
from onex.agent.native.pure_host import run_pure
from onex.agent.native.server import HealthServer
from onex.agent.native.slots import Slot, take_slot
from onex.agent.native.stop import StopSwitch
from onex.agent.native.watchdog import Watchdog, Watched
from onex.agent.program import Program, build_program
from onex.agent.pure import PureAgent
from onex.agent.requirements import check_topics
from onex.agent.tracing import Tracing
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.open import open_bus, open_catalogue
from onex.bus.protocols import BusHealth, ProtocolEventBus
from onex.bus.schema import ProtocolSchemaCatalogue
from onex.contract import ResolvedNode, resolve_node
from onex.model.enums import EnumGuarantee, EnumNodeKind
from onex.model.errors import BusError, ConfigurationError, FencedError, SchemaMismatchError, TransientError
from onex.node import NodeEffect
from onex.settings import Settings

log = structlog.get_logger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_FENCES, _FENCE_WINDOW = 3, 60.0
_GOOD_BYE = 3.0
_WAITED_OUT = (BusError, SchemaMismatchError, ConfigurationError, TransientError, OSError)


class AgentProcess:
    """Owns what outlives clients: slot, health, metrics, server, watchdog."""

    def __init__(self, resolved: ResolvedNode, settings: Settings, slot: Slot) -> None:
        self._resolved = resolved
        self._settings = settings
        self._slot = slot
        self._contract = resolved.contract
        self._group = self._contract.group(settings.env)
        self._clock = SystemClock()
        self._health = Health({"start": "starting"})
        self._metrics = AgentMetrics(self._contract.name)
        self._stop = StopSwitch()
        self._bus: KafkaEventBusAdapter | None = None
        self._server = HealthServer(settings.health_host, settings.health_port, self._health, self._metrics.registry)
        self._watchdog = Watchdog(
            settings.stall_timeout, self._clock, self._health, self._metrics, self._stop.ask_restart, self._probe
        )
        self._tracing = self._trace_to(settings.otlp_endpoint)
        self._announcer = self._make_announcer() if settings.heartbeat_interval else None

    def run(self) -> int:
        """Until a signal; gives the exit code."""
        self._write_info()
        if self._announcer is not None:
            self._announcer.start()
        try:
            return self._run_until_stopped()
        finally:
            if self._announcer is not None:
                self._announcer.stop(_GOOD_BYE)
            if self._tracing is not None:
                self._tracing.close()

    def _run_until_stopped(self) -> int:
        wait, fenced = _FIRST_WAIT, list[float]()
        while not self._stop.requested:
            self._stop.restart = False
            try:
                self._run_once()
                wait = _FIRST_WAIT
                continue
            except FencedError as error:
                now = self._clock.monotonic()
                fenced = [at for at in fenced if now - at < _FENCE_WINDOW] + [now]
                if len(fenced) >= _FENCES:
                    log.critical("another instance uses this name", instance=self._slot.name, error=str(error))
                    return 4
                self._complain("fenced", error)
            except _WAITED_OUT as error:
                self._complain("start", error)
            self._watchdog.look_at(None)
            self._stop.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
        self._watchdog.stop()
        self._server.close()
        self._info_file().unlink(missing_ok=True)
        log.info("agent stopped")
        return 0

    def _complain(self, about: str, error: BaseException) -> None:
        if self._health.complain(about, str(error)):
            log.warning("cannot run, trying again", reason=str(error))

    def _run_once(self) -> None:
        """Make clients, run until stop, restart or failure."""
        self._bus = open_bus(self._settings)
        try:
            check_topics(self._bus, self._resolved)
            program = build_program(self._resolved, open_catalogue(self._settings, self._bus))
            if self._contract.node_type is EnumNodeKind.EFFECT:
                asyncio.run(self._effect(program, self._bus))
            else:
                self._pure(program, self._bus)
        finally:
            self._watchdog.look_at(None)
            self._bus.close()
            self._bus = None

    def _pure(self, program: Program, bus: KafkaEventBusAdapter) -> None:
        agent = PureAgent(
            program,
            bus,
            self._group,
            self._transactional_id(),
            self._clock,
            self._health,
            self._metrics,
            lambda number, identity: RocksBacking(self._slot.folder / str(number), identity),
            self._tracing,
        )
        self._started(agent)
        run_pure(agent, self._contract.delivery.timeout, self._stop)

    async def _effect(self, program: Program, bus: KafkaEventBusAdapter) -> None:
        node = program.node
        assert isinstance(node, NodeEffect)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop.on_wake(partial(loop.call_soon_threadsafe, stopping.set))
        if self._stop():
            return
        try:
            await node.start()
            host = EffectHost(
                lambda on_outcome: EffectEngine(
                    program,
                    self._group,
                    self._clock,
                    self._health,
                    self._metrics,
                    on_outcome,
                    tracing=self._tracing,
                ),
                node,
                bus,
                self._group,
                program.topics,
                self._transactional_id(),
                self._settings.drain_timeout,
                self._metrics,
            )
            self._started(host)
            await host.run(stopping)
        finally:
            self._stop.on_wake(lambda: None)
            await node.stop()

    def _started(self, watched: Watched) -> None:
        self._health.settle("start")
        self._health.settle("fenced")
        self._watchdog.look_at(watched)
        log.info("agent running", group=self._group, health_port=self._server.port)

    def _transactional_id(self) -> str | None:
        if self._contract.delivery.guarantee is EnumGuarantee.AT_LEAST_ONCE:
            return None
        return f"{self._group}.{self._slot.name}"

    def _info_file(self) -> Path:
        return self._settings.home / "run" / f"{self._contract.name}.{self._slot.name}.json"

    def _probe(self) -> BusHealth | None:
        """For the watchdog; None while there is no bus to ask."""
        bus = self._bus
        return bus.health() if bus is not None else None

    def _trace_to(self, endpoint: str) -> Tracing | None:
        if not endpoint:
            return None
        contract = self._contract
        return Tracing.to_collector(
            contract.name, str(contract.contract_version), self._group, self._slot.name, endpoint
        )

    def _make_announcer(self) -> Announcer:
        settings = self._settings
        identity = Identity(
            settings.env,
            self._slot.name,
            settings.host,
            os.getpid(),
            self._clock.now_ms(),
            self._endpoint,
            self._metrics.names,
            settings.heartbeat_interval,
        )
        vitals = Vitals(self._health, self._metrics, self._watchdog.lags, settings.lag_threshold)
        return Announcer(self._resolved, identity, vitals, self._open_own_bus)

    def _open_own_bus(self) -> tuple[ProtocolEventBus, ProtocolSchemaCatalogue]:
        """The announcer speaks also while the agent makes its clients anew."""
        bus = open_bus(self._settings)
        return bus, open_catalogue(self._settings, bus)

    @property
    def _endpoint(self) -> str:
        return f"http://{self._settings.health_host}:{self._server.port}"

    def _write_info(self) -> None:
        file = self._info_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        info = {
            "node": self._contract.name,
            "version": str(self._contract.contract_version),
            "kind": self._contract.node_type,
            "instance": self._slot.name,
            "pid": os.getpid(),
            "health": self._endpoint,
        }
        # Whole or not at all: `onex status` may look at any moment.
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(info))
        part.replace(file)


def run_agent(path: Path, settings: Settings) -> int:
    """Run one instance of the node in ``path`` until SIGTERM; gives the exit code. Raises ContractError."""
    resolved = resolve_node(path)
    contract = resolved.contract
    slot = take_slot(settings.home, contract.group(settings.env), settings.instance)
    configure_logs(settings, node=contract.name, instance=slot.name)
    try:
        return AgentProcess(resolved, settings, slot).run()
    finally:
        slot.release()
