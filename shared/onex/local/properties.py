"""Settings of the one broker of a local mesh."""

import random
import re
import socket
from contextlib import suppress
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
metadata.max.idle.interval.ms=0
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


_CLIENT_PORT = re.compile(r"^advertised\.listeners=PLAINTEXT://[^:,]*:(\d{1,5})$", re.MULTILINE)
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_DEFAULT_EPHEMERAL = 32_768
_FIRST_PORT = 10_240
_TRIES = 100

SESSION = 9.0
"""Seconds; Kafka's default. With a shorter session, a machine that stalls for a few seconds makes the only copy of
all partitions unavailable."""


def one_node(port: int, controller: int, data: Path, session: float = SESSION) -> str:
    """Return ``server.properties``: broker and controller in one process, with quick elections and rebalances.

    While nothing happens, the controller writes nothing: its empty records are for controllers that follow it.

    ``session``: seconds after which the controller drops a silent broker, and for which a broker that was killed
    waits at its next start.
    """
    return _ONE_NODE.format(port=port, controller=controller, data=data, session_ms=int(session * 1000))


def port_of(text: str) -> int:
    """Return the port for clients in a text of ``server.properties``; 0 when there is none."""
    match = _CLIENT_PORT.search(text)
    return int(match[1]) if match else 0


def is_free(port: int) -> bool:
    """Return whether a server can listen on a port of this machine. Connections that have ended do not block it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a TCP port that was free a moment ago, outside the range from which connections get their ports.

    "Any port" of the system comes from that range: a connection of another process may then use the port before the
    server listens on it.

    Raises OSError when no port is free.
    """
    for port in random.SystemRandom().sample(range(_FIRST_PORT, _ephemeral()), _TRIES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"none of {_TRIES} TCP ports drawn below {_ephemeral()} is free: stop what listens on this machine")


def _ephemeral() -> int:
    try:
        first = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError):  # not on Linux
        first = _DEFAULT_EPHEMERAL
    return first if first >= _FIRST_PORT + _TRIES else _DEFAULT_EPHEMERAL
