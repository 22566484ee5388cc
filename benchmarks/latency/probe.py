"""Sends at a rate, reads the committed results, and measures what lies between."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.field.cluster import Cluster
from benchmarks.field.meter import PeerFailedError
from onex.wire import headers as h

_WARM_UP = 100
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Path:
    """From which topic to which, and the value of a message with a key."""

    input: str
    output: str
    value: Callable[[str], bytes]


def probe(cluster: Cluster, path: Path, rate: float, count: int) -> Sequence[float]:
    """Milliseconds from publishing to reading the committed result, sorted, after a warm-up of 100 messages.

    The first one is waited for. What comes too late for the rate counts from the moment when it was due. Raises
    PeerFailedError when results do not arrive.
    """
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0, "partitioner": "murmur2_random"})
    consumer = _at_the_end(cluster, path.output)
    mark, total = uuid.uuid4().hex[:8], count + _WARM_UP
    due_at: dict[bytes, float] = {}
    delays: list[float] = []
    number, answered = 0, 0
    began = time.perf_counter()
    deadline = began + _PATIENCE + total / rate
    while answered < total:
        now = time.perf_counter()
        if now > deadline:
            raise PeerFailedError(f"only {answered} of {total} results arrived")
        due = began + number / rate
        if number < total and now >= due and (answered or not number):
            _send(producer, path, f"{mark}-{number}")
            due_at[f"{mark}-{number}".encode()] = due if number else now
            number += 1
            continue
        if not answered:
            began = now  # the clock starts when the peer is ready
        message = consumer.poll(max(0.0, min(due - now, 0.02)) if number < total else 0.02)
        if message is None or message.error():
            continue
        if (started := due_at.pop(message.key() or b"", None)) is not None:
            answered += 1
            if answered > _WARM_UP:
                delays.append((time.perf_counter() - started) * 1000)
    consumer.close()
    return sorted(delays)


def _send(producer: Producer, path: Path, key: str) -> None:
    raw = key.encode()
    headers = [
        (h.ID, raw),
        (h.TYPE, path.input.encode()),
        (h.CORRELATION, raw),
        (h.TRACE_PARENT, b"00-%032x-%016x-01" % (1, 1)),
    ]
    producer.produce(path.input, path.value(key), raw, headers=headers)
    producer.poll(0)


def _at_the_end(cluster: Cluster, topic: str) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": uuid.uuid4().hex,
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(*place, end) for place, end in cluster.ends(topic).items()])
    consumer.poll(1.0)
    return consumer
