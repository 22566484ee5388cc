"""``python -m benchmarks.latency``: one hop at 50 messages a second, exactly-once where the peer has it."""

import argparse
import sys
import time
import uuid
from collections.abc import Sequence

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.field.cluster import cluster
from benchmarks.field.entries import Entry, java, mesh, ours, present, theirs
from benchmarks.field.launch import end, launch
from benchmarks.price import setup
from benchmarks.report import Report, Series
from onex.bus import headers as h
from onex.bus.schema import Codec

_PARTITIONS = 4
_PEERS = "benchmarks.price.peers"


def entries() -> list[Entry]:
    """Those of the price benchmark that answer one message at a time."""
    group = setup.node().contract.group("{group}")
    return [
        mesh("onex", setup.FOLDER, group),
        ours("handwritten", f"{_PEERS}.handwritten"),
        ours("aiokafka loop", f"{_PEERS}.aiokafka_loop"),
        theirs("quix", f"{_PEERS}.quix", "soon", exactly_once=True),
        java("kafka streams", "PriceStreams"),
        theirs("faust, at least once", f"{_PEERS}.faust_agent"),
        theirs("faststream aiokafka, at least once", f"{_PEERS}.faststream_subscriber", "aiokafka", "default"),
    ]


def main() -> None:
    """Run, print and write ``build/bench/latency.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="mesh and hand-written loop alone")
    options = parser.parse_args()
    able = present(entries()[:2] if options.quick else entries())
    names = ("p50", "p99", "p99.9")
    found: dict[tuple[str, str], list[float]] = {(entry.name, name): [] for entry in able for name in names}
    with cluster() as field:
        field.provision([setup.node()])
        codec = Codec.of_topic(setup.node().routes[setup.INPUT].model, setup.INPUT, field.catalogue)
        for run in range(1, options.runs + 1):
            for entry in able:
                name = f"bench{uuid.uuid4().hex[:8]}"
                processes = launch(field, entry, setup.INPUT, setup.OUTPUT, name)
                try:
                    delays = sorted(_measure(field.bootstrap, codec, options.rate, options.count))
                finally:
                    end(processes)
                values = [delays[int(len(delays) * share)] for share in (0.5, 0.99, 0.999)]
                for at, value in zip(names, values, strict=True):
                    found[entry.name, at].append(value)
                print(f"run {run} {entry.name:<34} p50 {values[0]:6.2f} ms  p99 {values[1]:7.2f} ms")
    report = Report("latency")
    for (entry_name, at), series in found.items():
        report.add(Series(f"{entry_name}, {at}", "ms", series))
    report.write()


def _measure(bootstrap: str, codec: Codec, rate: int, count: int) -> Sequence[float]:
    """Milliseconds from publishing to reading the committed result, after a warm-up of 100 messages."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": uuid.uuid4().hex,
            "isolation.level": "read_committed",
            "auto.offset.reset": "latest",
            "fetch.wait.max.ms": 500,
        }
    )
    consumer.assign([TopicPartition(setup.OUTPUT, number, -1) for number in range(_PARTITIONS)])
    for number in range(_PARTITIONS):
        consumer.get_watermark_offsets(TopicPartition(setup.OUTPUT, number), timeout=10)
    consumer.poll(1.0)
    mark = uuid.uuid4().hex[:8]
    sent: dict[bytes, float] = {}
    delays: list[float] = []
    warm = 100
    number, answered = 0, 0
    due = time.perf_counter()
    deadline = due + 60 + (count + warm) / rate
    while answered < count + warm:
        now = time.perf_counter()
        if now > deadline:
            sys.exit(f"only {answered} of {count + warm} results arrived")
        waiting_for_first = number and not answered
        if number < count + warm and now >= due and not waiting_for_first:
            key = f"{mark}-{number}".encode()
            order = codec.model(
                order_id=key.decode(), customer="c", sku="s", quantity=1, unit_price=1.0, placed_ms=1_700_000_000_000
            )
            headers = [
                (h.ID, key),
                (h.TYPE, setup.INPUT.encode()),
                (h.CORRELATION, key),
                (h.TRACE_PARENT, b"00-%032x-%016x-01" % (1, 1)),
            ]
            sent[key] = time.perf_counter()
            producer.produce(setup.INPUT, codec.encode(order), key, headers=headers, partition=number % _PARTITIONS)
            producer.poll(0)
            number += 1
            due = now + 1 / rate
        message = consumer.poll(max(0.0, min(due - time.perf_counter(), 0.02)))
        if message is None or message.error():
            continue
        if (started := sent.pop(message.key(), None)) is not None:
            answered += 1
            if answered > warm:
                delays.append((time.perf_counter() - started) * 1000)
    consumer.close()
    return delays


if __name__ == "__main__":
    main()
