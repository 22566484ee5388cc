"""One instance of a node on the in-memory bus, with switches for faults."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count

from opentelemetry.sdk.trace import SpanProcessor

from onex.agent.crash import Isolation
from onex.agent.effect.outbox_relay import OutboxRelay
from onex.agent.message.pause import PauseSwitch
from onex.agent.process.assemble import (
    agent_metrics,
    assemble_effect,
    assemble_program,
    assemble_pure,
    assemble_relay,
    transactional_id,
)
from onex.agent.process.preflight import check_topics
from onex.agent.pure.engine import PureEngine
from onex.agent.runtime import AgentRuntime
from onex.agent.state.backends import MemoryBackend, OpenBackend, ProtocolBackend
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.tracing import Tracing
from onex.agent.topic_limits import TopicLimits
from onex.bus.memory import MemoryBroker
from onex.bus.memory.transaction import Moment
from onex.capability import AgentEnvironment, Reports
from onex.connect import kafka_adapters
from onex.contract import ResolvedNode
from onex.model.enums import EnumNodeKind
from onex.node import NodeEffect
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing.clock import ManualClock
from onex.testing.effect_runner import MemoryEffectRunner
from onex.testing.instance_bus import InstanceBus, call_directly
from onex.util.steady_clock import SteadyClock

_ENV, _INSTANCE = "test", "memory"
_numbers = count(1)


def in_memory(_number: int, _identity: str) -> ProtocolBackend:
    """Open state that ends with its process."""
    return MemoryBackend()


class Instance:
    """One process of ``onex run``, in a test."""

    def __init__(
        self,
        resolved: ResolvedNode,
        broker: MemoryBroker,
        machine: ManualClock,
        loop: asyncio.AbstractEventLoop,
        catalogue: TopicCatalogue,
        environment: AgentEnvironment,
        spans: SpanProcessor | None = None,
        isolation: Isolation | None = None,
        open_backend: OpenBackend = in_memory,
    ) -> None:
        """``isolation`` and ``open_backend``: suspects and state that the process before on this machine left."""
        contract = resolved.contract
        self.resolved = resolved
        self.clock = SteadyClock(machine, machine.elapsed_ns)
        self.health = Health()
        self.metrics = agent_metrics(resolved)
        self.muted = False
        self.is_stalled = False
        """Whether ``stall`` was called and its moment has not come."""
        self._loop = loop
        self._bus = InstanceBus(broker)
        group, version = contract.group(_ENV), str(contract.contract_version)
        runtime = AgentRuntime(
            clock=self.clock,
            health=self.health,
            pause=PauseSwitch(self.health),
            metrics=self.metrics,
            tracing=Tracing(contract.name, version, group, _INSTANCE, spans) if spans else None,
            bus=self._bus,
            catalogue=catalogue,
            group=group,
            instance=_INSTANCE,
            transactional_id=transactional_id(contract, group, str(next(_numbers))),
            open_backend=open_backend,
            isolation=isolation,
            environment=environment,
            reports=Reports(),
            kafka_adapters=kafka_adapters(),
            run_call=call_directly,
        )
        self.pause = runtime.pause
        limits = TopicLimits.of(resolved, check_topics(self._bus, resolved), self._bus.admin, self.clock)
        program = assemble_program(resolved, runtime, limits)
        self.node, self._composition = program.node, program.composition
        loop.run_until_complete(self._composition.start())
        self._runner: PureEngine | MemoryEffectRunner
        self._relay: OutboxRelay | None = None
        self._effect: NodeEffect | None = None
        self._effect_runner: MemoryEffectRunner | None = None
        if contract.node_type is EnumNodeKind.EFFECT:
            assert isinstance(self.node, NodeEffect)
            self._effect = self.node
            loop.run_until_complete(self._effect.start())
            if self._effect.outbox is not None:
                self._relay = assemble_relay(self._effect.outbox, program, runtime)
            make_engine = partial(assemble_effect, program, runtime)
            self._effect_runner = MemoryEffectRunner(make_engine, program.topics, runtime, loop)
            self._runner = self._effect_runner
        else:
            engine = assemble_pure(program, runtime)
            engine.open()
            self._runner = engine
        self.consumer, self.transaction = self._bus.consumer, self._bus.engine_transaction

    def step(self) -> bool:
        """Carry one batch, and one of the outbox. Return whether it did anything; a muted one does not."""
        if self.muted:
            return False
        worked = self._runner.step(0.0)
        return bool(self._relay and self._loop.run_until_complete(self._relay.step())) or worked

    def next_timer(self) -> float | None:
        """Return the monotonic time of the next timer, in seconds; None without one."""
        due = self._runner.next_timer_ms()
        return None if due is None else self.clock.monotonic() + (due - self.clock.now_ms()) / 1000

    def crash(self) -> None:
        """End as after kill -9: no drain, no commit, and the group forgets the member."""
        if self._effect_runner is not None:
            self._effect_runner.on_lost(self.consumer.assignment())
        self.consumer.crash()

    def expel(self) -> None:
        """Stop for longer than the session (SIGSTOP): the group continues without this instance."""
        self.consumer.expel()

    def rewind(self) -> None:
        """Let the client return to the earliest records of its partitions."""
        self.consumer.rewind()

    def stall(self, moment: Moment, meanwhile: Callable[[], None]) -> None:
        """Stop in the next transaction that reaches ``moment`` (SIGSTOP); call ``meanwhile`` and continue."""

        def stop(reached: Moment) -> None:
            if reached is moment:
                self.unstall()
                meanwhile()

        self.transaction.at_moment = stop
        self.is_stalled = True

    def unstall(self) -> None:
        """Undo ``stall``."""
        self.is_stalled = False
        self.transaction.at_moment = lambda _: None

    def fail_next_commit(self) -> None:
        """Refuse the next commit, after all records were written."""
        self.transaction.fail_next_commit = True

    def lose_next_response(self) -> None:
        """Let the next commit succeed, and lose its response together with the connection."""
        self.transaction.lose_next_response = True

    def close(self) -> None:
        """End as after SIGTERM: drain, and leave the group."""
        self._runner.close()
        if self._relay is not None:
            self._loop.run_until_complete(self._relay.close())
        if self._effect is not None:
            self._loop.run_until_complete(self._effect.stop())
        self._loop.run_until_complete(self._composition.stop())
