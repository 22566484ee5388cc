"""Settings of the one broker of a local mesh."""

import socket
from pathlib import Path

_ONE_NODE = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=500
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=3000
group.min.session.timeout.ms=3000
broker.session.timeout.ms={session_ms}
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


SESSION = 9.0
"""Seconds; Kafka's default. On a machine that stalls for a few seconds a shorter one makes the broker's only copy of
everything unavailable, again and again."""


def one_node(port: int, controller: int, data: Path, session: float = SESSION) -> str:
    """Text of ``server.properties``: broker and controller in one process, quick to elect and to rebalance.

    ``session``: seconds after which the controller gives a silent broker up, and for which a broker that was killed
    waits when it starts again.
    """
    return _ONE_NODE.format(port=port, controller=controller, data=data, session_ms=int(session * 1000))


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
