"""EFFECT: messages run in key-ordered lanes on one asyncio loop, and their outcomes are committed in transactions.

The path of a record: :mod:`intake <onex.agent.effect.intake>` decodes it and puts it into its lane.
:mod:`lane_runner <onex.agent.effect.lane_runner>` calls the handler and makes outcomes of results;
:mod:`attempts <onex.agent.effect.attempts>` makes further attempts where one has failed. The outcome (outputs, a dead
letter, or a record on the retry topic) goes to the :mod:`committer <onex.agent.effect.committer>`, which commits it
together with its offset. A message that waits on the retry topic blocks its key:
:mod:`onex.agent.effect.retry_topic`.

All of it lives on the loop's thread.
"""

from collections.abc import Callable, Sequence

from onex.agent.crash import Isolation
from onex.agent.effect.committer import Committer
from onex.agent.effect.crash_gate import EffectGate
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.intake import Intake
from onex.agent.effect.lane_runner import LaneRunner
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.order_fence import OrderFences
from onex.agent.effect.outages import Outages
from onex.agent.effect.outcome import Task
from onex.agent.effect.outcome_builder import OutcomeBuilder
from onex.agent.effect.parking import size_of
from onex.agent.effect.partitions import Adopted, EffectPartitions
from onex.agent.effect.retry_policy import RetryPlan
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.message.adopting_decoder import decoder_of
from onex.agent.message.intake_limits import IntakeLimits
from onex.agent.message.program import Program
from onex.agent.runtime import AgentRuntime
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolRecord
from onex.capability.health import HealthChecks
from onex.util.failpoint import failpoint
from onex.wire.skip import Skip


class EffectEngine:
    """Lanes, retries, outcomes and commits of one effect instance. Knows no threads: a runner drives it."""

    def __init__(
        self,
        program: Program,
        runtime: AgentRuntime,
        on_outcome: Callable[[], None],
    ) -> None:
        """``on_outcome`` is called when there is something to commit, or when :attr:`failure` is set."""
        contract, clock, metrics = program.contract, runtime.clock, runtime.metrics
        results = IdempotentResults.of(program, runtime.bus, runtime.open_backend, clock)
        self._node = contract.name
        self._delivery = contract.delivery
        self._results = results
        self._health = runtime.health
        self._metrics = metrics
        self._on_outcome = on_outcome
        self._intake_limits = IntakeLimits((*program.composition.layers(), runtime.pause))
        self.limits = program.limits
        self.failure: BaseException | None = None
        """Why this engine cannot continue: not the failure of a message. The runner raises it."""
        decoder = decoder_of(program)
        plan = RetryPlan(contract.retry_policy)
        self._retry_topic = RetryTopic(contract.retry_topic)
        self._fences = OrderFences()
        builder = OutcomeBuilder(program, runtime.group, clock, metrics, plan, self._retry_topic, results)
        self._lanes: Lanes[Task] = Lanes(contract.delivery.concurrency, size_of)
        self._blocked = BlockedPartitions(clock, runtime.health)
        isolation = runtime.isolation or Isolation(None, clock)
        self._gate = EffectGate(isolation, self._blocked, contract.name, contract.retry_topic, runtime.group, clock)
        self.committer = Committer(
            self._retry_topic,
            results,
            self._blocked,
            self._gate,
            clock,
            runtime.health,
            metrics,
            runtime.tracing,
            on_outcome,
            program.limits,
            builder.too_large,
        )
        self._runner = LaneRunner(
            self._lanes,
            contract.delivery,
            self._gate,
            builder,
            self.committer,
            plan,
            self._retry_topic,
            self._fences,
            decoder,
            clock,
            metrics,
            Outages(runtime.health, program.node.container.get(HealthChecks)),
            self._fail,
            stores_results=results is not None,
        )
        self._parking = self._runner.parking
        self._intake = Intake(
            self._lanes,
            contract.delivery.ordering,
            self.committer,
            self._gate,
            self._retry_topic,
            self._fences,
            decoder,
            runtime.tracing,
            self._runner.in_handlers,
        )

    def partitions_on(self, bus: ProtocolEventBus) -> EffectPartitions:
        """Return the restoring of newly assigned partitions, from which the engine adopts them."""
        return EffectPartitions(
            self._retry_topic,
            self._results,
            self._node,
            bus,
            self._health,
            self._metrics,
            lambda: self.partitions_to_pause,
        )

    def adopt(self, adopted: Adopted) -> None:
        """Take over assigned partitions that are restored.

        Those whose records or positions are lost are blocked until an operator has decided where they continue.
        """
        for partition, reason in adopted.lost.items():
            self._blocked.lose(partition, reason)
        self.committer.adopt(adopted.committed)
        self._gate.adopt(adopted.committed)
        self._retry_topic.adopt(adopted.backlogs)

    def take(self, records: Sequence[ProtocolRecord]) -> None:
        """Decode records, and start the messages for which there are slots. Raise BusUnavailableError."""
        self._intake_limits.took(len(records))
        self._metrics.received.inc(self._intake.take(records))
        failpoint("effect.taken")
        self._runner.start()

    def decisions(self, bus: ProtocolEventBus) -> Sequence[Skip]:
        """Return the decisions of operators about records that are blocked here. On the thread that polls."""
        return self._gate.decisions(bus)

    def unblock(self, skip: Skip) -> None:
        """Make a dead letter of a blocked record. Its partition continues."""
        self.take(self._gate.release(skip))

    def _fail(self, error: BaseException) -> None:
        """End the run of this engine: the runner raises ``failure``."""
        self.failure = self.failure or error
        self._on_outcome()

    @property
    def partitions_to_pause(self) -> list[Partition]:
        """Partitions from which nothing may be read now: stalled, blocked, or with too many messages that wait."""
        committer, is_full = self.committer, self._is_full()
        return [p for p in committer.partitions if is_full(p) or committer.is_stopped(p)]

    def _is_full(self) -> Callable[[Partition], bool]:
        """Return a function: whether messages must get done now before more of a partition is read.

        Of the retry topic less is read, so that inputs can still move there.
        """
        retry, parking = self._retry_topic, self._parking
        is_stopped = parking.is_reading_stopped
        inputs = is_stopped or retry.is_full or parking.is_full(2)
        retries = is_stopped or parking.is_full(1)
        return lambda partition: retries if partition.topic == retry.name else inputs

    def waiting_partitions(self) -> list[Partition]:
        """Return those of :attr:`partitions_to_pause` that will continue without a restart, or wait for an operator.
        All while a capability allows no message.

        For the watchdog, on its thread. A partition at its span limit continues only while the message at its
        watermark runs or waits for its next attempt.
        """
        if self._intake_limits.wait_seconds() > 0:
            return list(self.committer.partitions)
        running, is_full = self._runner.records(), self._is_full()
        return [
            partition
            for partition in list(self.committer.partitions)
            if is_full(partition) or self.committer.is_waiting(partition, running)
        ]

    def room(self) -> int:
        """Return how many more records fit: twice the concurrency and a batch, without parked messages, as far as
        capabilities allow."""
        waiting = self._lanes.size - self._lanes.parked_items + self.committer.waiting
        fitting = max(0, self._delivery.concurrency * 2 + self._delivery.batch_size - waiting)
        return self._intake_limits.available(fitting)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to run and nothing to commit."""
        return not self._lanes.size and self.committer.idle

    @property
    def in_flight(self) -> int:
        """Number of records taken and not finished."""
        return self._lanes.size

    def observe(self) -> None:
        """Update the gauges."""
        self._metrics.in_flight.set(self._lanes.size)
        self._metrics.parked.set(self._lanes.parked_lanes)
        self.committer.report_spans()

    async def drain(self, partitions: Sequence[Partition], timeout: float) -> None:
        """Wait ``timeout`` seconds for running handlers of these partitions, then cancel them; start no more of them.

        Messages that wait for their next attempt are left to the next owner.
        """
        await self._runner.drain(partitions, timeout)

    def abandon(self, partitions: Sequence[Partition]) -> None:
        """Remove partitions that are not assigned any more."""
        revoked = set(partitions)
        self.committer.abandon(revoked)
        self._gate.forget(revoked)
        self._fences.forget_all(revoked)

    def close(self) -> None:
        """Cancel what runs and close the stores. After a failure, no partition is revoked first."""
        self._runner.cancel_all()
        if self._results is not None:
            self._results.close()
