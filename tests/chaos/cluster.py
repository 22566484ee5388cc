"""Three brokers, each behind a proxy that can be cut."""

import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka.admin import AdminClient

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.local.kafka import LocalKafka
from onex.local.properties import free_port
from onex.pytest_plugin.servers import SHORT_LIVED
from tests.chaos.proxy import TcpProxy
from tests.conftest import eventually

SIZE = 3
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{proxy}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=500
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=3000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.timeout.ms=500
replica.lag.time.max.ms=3000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


class Broker(LocalKafka):
    """One of three."""

    def __init__(self, folder: Path, node: int, cluster: str, voters: str, controller: int) -> None:
        super().__init__(folder, heap="256m", java=SHORT_LIVED, progress=lambda _: None)
        self.node_id, self.cluster_id = node, cluster
        self._voters, self._controller = voters, controller
        self.port = free_port()
        self.proxy = TcpProxy(self.port)

    def properties(self) -> str:
        """The file of this broker."""
        return _PROPERTIES.format(
            node=self.node_id,
            voters=self._voters,
            port=self.port,
            proxy=self.proxy.port,
            controller=self._controller,
            data=self.folder / "data",
        )


class Cluster:
    """Started and stopped as a whole; its brokers one by one."""

    def __init__(self, folder: Path) -> None:
        controllers = [free_port() for _ in range(SIZE)]
        voters = ",".join(f"{n + 1}@127.0.0.1:{port}" for n, port in enumerate(controllers))
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.brokers = [
            Broker(folder / f"broker-{n + 1}", n + 1, cluster, voters, controllers[n]) for n in range(SIZE)
        ]

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of the proxies."""
        return ",".join(f"127.0.0.1:{broker.proxy.port}" for broker in self.brokers)

    def start(self) -> KafkaEventBusAdapter:
        """All three, and wait until they answer."""
        for broker in self.brokers:
            broker.proxy.start()
            broker.launch()
        bus = KafkaEventBusAdapter(KafkaConfig(self.bootstrap_servers))
        eventually(lambda: bus.health().ok and all(b.listening() for b in self.brokers), 60, "three brokers")
        return bus

    def coordinator(self, group: str) -> Broker:
        """The broker that a group's members send their heartbeats to."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        node = admin.describe_consumer_groups([group])[group].result(20).coordinator
        return next(broker for broker in self.brokers if broker.node_id == node.id)

    def stop(self) -> None:
        """Kill: the last two of three would wait for each other."""
        for broker in self.brokers:
            broker.kill()
            broker.proxy.stop()
