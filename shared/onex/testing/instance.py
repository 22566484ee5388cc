"""One instance of a node on the in-memory bus, with switches for faults."""

import asyncio
from collections.abc import Callable
from itertools import count

from opentelemetry.sdk.trace import SpanProcessor

from onex.agent.crash import Isolation
from onex.agent.effect.engine import EffectEngine
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.outbox_relay import OutboxRelay
from onex.agent.message.program import build_program
from onex.agent.message.topic_limits import TopicLimits
from onex.agent.process.preflight import check_topics
from onex.agent.process.services import agent_environment_of, agent_services
from onex.agent.pure.engine import PureEngine
from onex.agent.state.backends import MemoryBackend, OpenBackend, ProtocolBackend
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.transaction import MemoryTransaction, Moment
from onex.capability import AgentEnvironment
from onex.contract import ResolvedNode
from onex.model.enums import EnumGuarantee, EnumNodeKind
from onex.node import NodeEffect
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing.clock import ManualClock
from onex.testing.effect_host import MemoryEffectRunner
from onex.util.steady_clock import SteadyClock

_numbers = count(1)


def in_memory(_number: int, _identity: str) -> ProtocolBackend:
    """State that is gone with its process."""
    return MemoryBackend()


class Instance:
    """What ``onex run`` would be one process of."""

    def __init__(
        self,
        resolved: ResolvedNode,
        broker: MemoryBroker,
        machine: ManualClock,
        loop: asyncio.AbstractEventLoop,
        catalogue: TopicCatalogue,
        spans: SpanProcessor | None = None,
        surroundings: AgentEnvironment | None = None,
        isolation: Isolation | None = None,
        open_backend: OpenBackend = in_memory,
    ) -> None:
        """``isolation``: what the process before on this machine left of records that ended it. ``open_backend``: the
        state that it left."""
        self.resolved = resolved
        self.clock = clock = SteadyClock(machine, machine.elapsed_ns)
        self.health = Health()
        self.metrics = AgentMetrics(resolved.contract.name)
        self.muted = False
        self.is_stalled = False
        """``stall`` was asked for, and its moment has not come."""
        self._loop = loop
        bus = MemoryEventBus(broker)
        contract = resolved.contract
        group = contract.group("test")
        version = str(contract.contract_version)
        tracing = Tracing(contract.name, version, group, "memory", spans) if spans else None
        services = agent_services(
            resolved, "memory", bus, catalogue, group, clock, self.health, self.metrics, tracing, waits=False
        )
        program = build_program(
            resolved,
            catalogue,
            services.value(AgentEnvironment, surroundings or agent_environment_of(Settings.load())),
            TopicLimits.of(resolved, check_topics(bus, resolved), bus.admin, clock),
        )
        self.node, self._composition = program.node, program.composition
        self.metrics.capabilities.follow(self._composition.reported_metrics)
        loop.run_until_complete(self._composition.start())
        exactly_once = contract.delivery.guarantee is EnumGuarantee.EXACTLY_ONCE
        transactional_id = f"{group}.{next(_numbers)}" if exactly_once else None
        self._agent: PureEngine | MemoryEffectRunner
        self._relay: OutboxRelay | None = None
        if contract.node_type is EnumNodeKind.EFFECT:
            assert isinstance(self.node, NodeEffect)
            loop.run_until_complete(self.node.start())
            if self.node.outbox is not None:
                self._relay = OutboxRelay(self.node.outbox, program, bus, group, clock)
            self._agent = MemoryEffectRunner(
                lambda wake: EffectEngine(
                    program,
                    group,
                    clock,
                    self.health,
                    self.metrics,
                    wake,
                    tracing,
                    IdempotentResults.of(program, bus, open_backend, clock),
                    isolation,
                ),
                bus,
                group,
                program.topics,
                transactional_id,
                loop,
            )
            self.consumer, self.transaction = self._agent.consumer, self._agent.transaction
        else:
            self._agent = PureEngine(
                program,
                bus,
                group,
                transactional_id,
                clock,
                self.health,
                self.metrics,
                open_backend,
                tracing,
                isolation,
            )
            self._agent.open()
            self.consumer, self.transaction = self._agent.clients

    def step(self) -> bool:
        """Carry one batch, and one of the outbox; a muted instance does nothing."""
        if self.muted:
            return False
        worked = self._agent.step(0.0)
        return bool(self._relay and self._loop.run_until_complete(self._relay.step())) or worked

    def next_timer(self) -> float | None:
        """Monotonic time of the next thing this instance waits for."""
        if isinstance(self._agent, PureEngine):
            due = self._agent.next_timer_ms()
            return None if due is None else self.clock.monotonic() + (due - self.clock.now_ms()) / 1000
        return None

    def crash(self) -> None:
        """kill -9: no drain, no commit, the group forgets the member."""
        assert isinstance(self.consumer, MemoryConsumer)
        if isinstance(self._agent, MemoryEffectRunner):
            self._agent.on_lost(self.consumer.assignment())
        self.consumer.crash()

    def expel(self) -> None:
        """SIGSTOP for longer than the session: the group goes on without this instance, which joins again later."""
        assert isinstance(self.consumer, MemoryConsumer)
        self.consumer.expel()

    def rewind(self) -> None:
        """The client goes back to the earliest records of what this instance holds."""
        assert isinstance(self.consumer, MemoryConsumer)
        self.consumer.rewind()

    def stall(self, moment: Moment, meanwhile: Callable[[], None]) -> None:
        """SIGSTOP inside of the next transaction that comes to ``moment``; call ``meanwhile`` and go on."""
        transaction = self.transaction
        assert isinstance(transaction, MemoryTransaction)

        def stop(reached: Moment) -> None:
            if reached is moment:
                self.unstall()
                meanwhile()

        transaction.at_moment = stop
        self.is_stalled = True

    def unstall(self) -> None:
        """Undo ``stall``."""
        self.is_stalled = False
        assert isinstance(self.transaction, MemoryTransaction)
        self.transaction.at_moment = lambda _: None

    def fail_next_commit(self) -> None:
        """The next commit is refused after everything was written."""
        assert isinstance(self.transaction, MemoryTransaction)
        self.transaction.fail_next_commit = True

    def lose_next_answer(self) -> None:
        """The next commit succeeds, but its answer is lost and so is the connection."""
        assert isinstance(self.transaction, MemoryTransaction)
        self.transaction.lose_next_answer = True

    def close(self) -> None:
        """SIGTERM: drain and leave."""
        self._agent.close()
        if self._relay is not None:
            self._loop.run_until_complete(self._relay.close())
        if isinstance(self.node, NodeEffect):
            self._loop.run_until_complete(self.node.stop())
        self._loop.run_until_complete(self._composition.stop())
