"""Prometheus metrics of an agent. Pure kinds count per batch.

Label values are the node, the stages below, failure classes, and the topics and partitions that are assigned to this
process. No label has a value from a message. Labels are bound once.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from onex.agent.telemetry.stage_histogram import EnumLatencyStage, StageHistogram
from onex.agent.telemetry.workflow_metrics import WorkflowMetrics, WorkflowMetricsSettings
from onex.bus.protocols import Partition
from onex.model.enums import EnumFailureClass
from onex.model.mesh import EnumConsumerEvent

ReportedMetrics = Callable[[], Iterable[tuple[str, str, float]]]
"""Returns capability, name and value of each counter."""


class CapabilityMetrics(Collector):
    """Exports the reported metrics of a node's capabilities. It reads them at every scrape."""

    def __init__(self, node: str) -> None:
        self._node = node
        self.follow(tuple)

    def follow(self, reported_metrics: ReportedMetrics) -> None:
        """Export these metrics from now on."""
        self._reported_metrics = reported_metrics

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return one family; it has no series for a node without capabilities."""
        help_text = "Reported metrics of capabilities; docs/capabilities.md lists them"
        family = GaugeMetricFamily("onex_capability", help_text, labels=("node", "capability", "figure"))
        for capability, name, value in self._reported_metrics():
            family.add_metric((self._node, capability, name), value)
        yield family


class AgentMetrics:
    """Metrics of one agent process. Thread-safe."""

    def __init__(
        self, node: str, registry: CollectorRegistry | None = None, workflow: WorkflowMetricsSettings | None = None
    ) -> None:
        """``workflow``: for a node with a declared workflow."""
        self.registry = registry or CollectorRegistry()
        self._node = node
        self._rebalanced: deque[tuple[EnumConsumerEvent, Sequence[Partition]]] = deque(maxlen=1000)
        ProcessCollector(registry=self.registry)
        self.received = self._counter("onex_messages_received", "Messages received")
        self.sent = self._counter("onex_messages_sent", "Messages sent")
        self.retries = self._counter("onex_retries", "Attempts after a failure")
        self.outages = self._counter("onex_outage_waits", "Calls that met an outage; they count as no attempt")
        self.moved = self._counter("onex_messages_moved", "Messages moved to the retry topic")
        self.commits = self._counter("onex_transactions", "Transactions committed")
        self.misrouted = self._counter(
            "onex_messages_misrouted",
            "Messages that a producer wrote to the wrong partition, forwarded to the right one",
        )
        self.aborts = self._counter("onex_transactions_aborted", "Transactions aborted")
        self._rebalances = self._counter("onex_rebalances", "Changes of the assignment")
        self.loop_blocked = self._counter("onex_loop_blocked", "Handler calls that blocked the event loop")
        self.loop_blocked_seconds = self._counter("onex_loop_blocked_seconds", "Seconds of those calls")
        self.in_flight = self._gauge("onex_in_flight", "Messages taken and not yet committed")
        self.parked = self._gauge("onex_parked_keys", "Keys that wait for a retry")
        self.ready = self._gauge("onex_ready", "1 when the agent is ready")
        self.clock_ahead = self._gauge(
            "onex_clock_ahead_seconds", "Seconds by which the machine's clock is ahead of agent time, after a step"
        )
        self.state_keys = self._gauge("onex_state_keys", "Keys in the state of the assigned partitions, estimated")
        self.state_bytes = self._gauge("onex_state_bytes", "Size of that state on disk, in bytes")
        self.restore_remaining = self._gauge("onex_restore_remaining", "Offsets left to restore before work begins")
        self.standby_keys = self._gauge(
            "onex_standby_keys", "Keys in the standby copies of other instances' partitions, estimated"
        )
        self._dead = Counter("onex_dead_letters", "Dead letters written", ("node", "class"), registry=self.registry)
        for kind in EnumFailureClass:
            self._dead.labels(node, kind)
        stages = StageHistogram(node)
        self.registry.register(stages)
        self.queue_seconds = stages.of[EnumLatencyStage.QUEUE]
        self.process_seconds = stages.of[EnumLatencyStage.PROCESS]
        self.commit_seconds = stages.of[EnumLatencyStage.SETTLE]
        self._lag = Gauge(
            "onex_consumer_lag", "Offsets not yet processed", ("node", "topic", "partition"), registry=self.registry
        )

        self.workflow = None if workflow is None else WorkflowMetrics(node, self.registry, workflow)
        self.capabilities = CapabilityMetrics(node)
        self.registry.register(self.capabilities)

    def _counter(self, name: str, help_text: str) -> Counter:
        return Counter(name, help_text, ("node",), registry=self.registry).labels(self._node)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, ("node",), registry=self.registry).labels(self._node)

    def dead(self, kind: str) -> None:
        """Count a dead letter of a failure class."""
        self._dead.labels(self._node, kind).inc()

    def rebalanced(self, event: EnumConsumerEvent, partitions: Sequence[Partition]) -> None:
        """Count a change of the assignment, and remember it for :meth:`take_rebalances`."""
        self._rebalances.inc()
        self._rebalanced.append((event, partitions))

    def take_rebalances(self) -> Iterator[tuple[EnumConsumerEvent, Sequence[Partition]]]:
        """Yield the changes of the assignment since the last call; at most 1,000."""
        while self._rebalanced:
            yield self._rebalanced.popleft()

    def lag(self, topic: str, partition: int, value: int) -> None:
        """Set the lag of an assigned partition, in offsets."""
        self._lag.labels(self._node, topic, partition).set(value)

    def forget_lag(self, partitions: Collection[Partition]) -> None:
        """Remove the lag of partitions that are no longer assigned here."""
        for partition in partitions:
            self._lag.remove(self._node, partition.topic, partition.partition)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all exported samples, as a scrape shows them."""
        return tuple(sorted({sample.name for family in self.registry.collect() for sample in family.samples}))

    def total_received(self) -> int:
        """Return the number of messages received since the start."""
        return self._sum("onex_messages_received_total")

    def total_dead(self) -> int:
        """Return the number of dead letters written since the start, over all classes."""
        return self._sum("onex_dead_letters_total")

    def active(self) -> int:
        """Return the number of messages in work now."""
        return self._sum("onex_in_flight")

    def _sum(self, name: str) -> int:
        return round(sum(s.value for f in self.registry.collect() for s in f.samples if s.name == name))
