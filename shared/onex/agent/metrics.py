"""Prometheus metrics of an agent. Everything is counted per batch, never per message."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class AgentMetrics:
    """Metrics of one agent process; labels are bound once."""

    def __init__(self, node: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        names = ("node",)
        self.received = Counter("onex_messages_received", "Messages taken in", names, registry=self.registry).labels(
            node
        )
        self.sent = Counter("onex_messages_sent", "Messages put out", names, registry=self.registry).labels(node)
        self.retries = Counter("onex_retries", "Attempts after a failure", names, registry=self.registry).labels(node)
        self.commits = Counter("onex_transactions", "Transactions committed", names, registry=self.registry).labels(
            node
        )
        self.aborts = Counter(
            "onex_transactions_aborted", "Transactions aborted", names, registry=self.registry
        ).labels(node)
        self.rebalances = Counter("onex_rebalances", "Assignment changes", names, registry=self.registry).labels(node)
        self._dead = Counter("onex_dead_letters", "Dead letters written", ("node", "class"), registry=self.registry)
        self.batch_seconds = Histogram(
            "onex_batch_seconds", "From poll to commit", names, buckets=_LATENCY, registry=self.registry
        ).labels(node)
        self.commit_seconds = Histogram(
            "onex_commit_seconds", "Commit of a transaction", names, buckets=_LATENCY, registry=self.registry
        ).labels(node)
        self.in_flight = Gauge("onex_in_flight", "Messages in work", names, registry=self.registry).labels(node)
        self.parked = Gauge("onex_parked_keys", "Keys that wait", names, registry=self.registry).labels(node)
        self.ready = Gauge("onex_ready", "1 when the agent is ready", names, registry=self.registry).labels(node)
        self._lag = Gauge(
            "onex_consumer_lag", "Offsets not yet processed", ("node", "topic", "partition"), registry=self.registry
        )
        self._node = node

    def dead(self, kind: str) -> None:
        """One dead letter of that class was written."""
        self._dead.labels(self._node, kind).inc()

    def lag(self, topic: str, partition: int, value: int) -> None:
        """Lag of a partition held here."""
        self._lag.labels(self._node, topic, partition).set(value)

    def forget_lag(self, topic: str, partition: int) -> None:
        """A partition is held elsewhere now."""
        self._lag.remove(self._node, topic, partition)
