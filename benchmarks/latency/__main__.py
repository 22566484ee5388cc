"""``python -m benchmarks.latency``: one exactly-once hop at 50 messages a second, beside a hand-written loop."""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.price import setup
from benchmarks.report import Series, write_json
from onex.bus import headers as h
from onex.bus.schema import Codec
from onex.local import LocalKafka

_ENTRIES = ("handwritten", "onex")


def main() -> None:
    """Run, print and write ``build/bench/latency.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    p50: dict[str, list[float]] = {entry: [] for entry in _ENTRIES}
    p99: dict[str, list[float]] = {entry: [] for entry in _ENTRIES}
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap="1g")
        bootstrap = kafka.start()
        try:
            bus = setup.open_bus(bootstrap)
            catalogue = setup.provision(bus)
            codec = Codec.of_topic(setup.node().routes[setup.INPUT].model, setup.INPUT, catalogue)
            for run in range(options.runs):
                for entry in _ENTRIES:
                    agent = _start(entry, bootstrap, Path(folder), f"{entry}-{run}")
                    try:
                        delays = _measure(bootstrap, codec, options.rate, options.count)
                    finally:
                        agent.send_signal(signal.SIGTERM)
                        agent.wait()
                    quantiles = statistics.quantiles(delays, n=100)
                    p50[entry].append(quantiles[49])
                    p99[entry].append(quantiles[98])
                    print(f"run {run + 1} {entry:<12} p50 {quantiles[49]:5.2f} ms  p99 {quantiles[98]:6.2f} ms")
        finally:
            kafka.stop()
    series = [
        Series(f"{entry} {name}", "ms", values[entry])
        for name, values in (("p50", p50), ("p99", p99))
        for entry in _ENTRIES
    ]
    for line in series:
        print(f"{line.entry:<18} {line}")
    write_json(Path("build/bench/latency.json"), "latency", series, None)


def _start(entry: str, bootstrap: str, folder: Path, name: str) -> subprocess.Popen[bytes]:
    """The hand-written loop takes a count and ends by SIGTERM like the agent."""
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "ONEX_HOME": str(folder / name), "ONEX_ENV": name}
    if entry == "onex":
        command = [sys.executable, "-m", "onex.cli.main", "run", str(setup.FOLDER)]
    else:
        group = f"latency-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", "benchmarks.price.entry_handwritten", bootstrap, group, str(10**9)]
    return subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)


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
    consumer.assign([TopicPartition(setup.OUTPUT, number, -1) for number in range(setup.PARTITIONS)])
    for number in range(setup.PARTITIONS):
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
            producer.produce(
                setup.INPUT, codec.encode(order), key, headers=headers, partition=number % setup.PARTITIONS
            )
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
