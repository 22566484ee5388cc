"""Read a record whose header name is not UTF-8, after many that have no headers: ``python`` by a line of Python,
``product`` as we do.

python -m tests.unit.client_faults.unreadable_headers python|product
"""

import sys
from collections.abc import Callable

from confluent_kafka import Consumer, Message

from onex.agent.message.envelope import read_envelopes
from tests.raw_producer import RawProducer
from tests.unit.client_faults.mock_cluster import MockCluster

_PLAIN = 64


def read_in_python(messages: list[Message]) -> str:
    """Headers by a method call, which CPython specialises when it has run a few times."""
    for message in messages:
        try:
            _keys(message)
        except Exception as error:  # noqa: BLE001 - what it raises is the answer
            return type(error).__name__
    return "nothing"


def _keys(message: Message) -> list[str]:
    pairs = message.headers()
    return list(dict(pairs)) if pairs else []


def read_as_the_product(messages: list[Message]) -> str:
    """Headers by the agent's own function."""
    records: list[Message] = list(messages)
    envelopes, readable = read_envelopes(records)  # type: ignore[arg-type]  # the stub declares topic() optional
    return f"{len(envelopes)} envelopes, readable: {readable}"


def main(read: Callable[[list[Message]], str]) -> None:
    """Print what came of it; a crash prints nothing."""
    cluster = MockCluster()
    cluster.create("t", 1)
    producer = RawProducer(cluster.servers)
    for _ in range(_PLAIN):
        producer.send("t", b"k", b"v", ())
    producer.send("t", b"k", b"v", ((b"\xff\xfe", b"1"),))
    producer.flush()
    producer.close()
    consumer = Consumer(
        {"bootstrap.servers": cluster.servers, "group.id": "g", "auto.offset.reset": "earliest", "log_level": 2}
    )
    consumer.subscribe(["t"])
    messages: list[Message] = []
    while len(messages) <= _PLAIN:
        messages += consumer.consume(100, 1.0)
    sys.stdout.write(f"returned {read(messages)}")


if __name__ == "__main__":
    main({"python": read_in_python, "product": read_as_the_product}[sys.argv[1]])
