"""``python -m benchmarks.retry``: what healthy keys feel while other keys of the same partitions keep failing."""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.report import Report, Series
from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.contract import resolve_node
from onex.local import LocalKafka
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import Codec
from onex.schema.topic_catalogue import TopicCatalogue
from onex.wire import headers as h
from onex.wire.partitioner import partition_of

_FOLDER = Path(__file__).parent / "node_bank_effect" / "v1_0_0"
_INPUT, _OUTPUT = "onex.cmd.bench.withdraw.v1", "onex.evt.bench.withdrawn.v1"
_SHARES, _KEYS, _PARTITIONS, _WARM = (0, 1, 20), 100, 4, 1.0


def main() -> None:
    """Run, print and write ``build/bench/retry.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    p50: dict[int, list[float]] = {share: [] for share in _SHARES}
    p99: dict[int, list[float]] = {share: [] for share in _SHARES}
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap="1g")
        bootstrap = kafka.start()
        try:
            for run in range(options.runs):
                for share in _SHARES:
                    delays = _measure(
                        bootstrap, Path(folder) / f"{share}-{run}", share, options.rate, options.seconds
                    )
                    quantiles = statistics.quantiles(delays, n=100)
                    p50[share].append(quantiles[49])
                    p99[share].append(quantiles[98])
                    told = f"p50 {quantiles[49]:5.2f} ms  p99 {quantiles[98]:6.2f} ms"
                    print(f"run {run + 1} {share:>2}% of keys failing: {told}")
        finally:
            kafka.stop()
    series = [
        Series(f"{share}% of keys failing, {name}", "ms", values[share])
        for name, values in (("p50", p50), ("p99", p99))
        for share in _SHARES
    ]
    for line in series:
        print(f"{line.entry:<28} {line}")
    Report("retry", list(series)).write()


def _measure(bootstrap: str, home: Path, share: int, rate: int, seconds: float) -> list[float]:
    """Milliseconds from publishing to reading, of healthy keys only, after a warm-up."""
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "ONEX_HOME": str(home), "ONEX_ENV": home.name}
    bus = KafkaEventBusAdapter(KafkaConfig(bootstrap))
    codec = _fresh_topics(bus)
    agent = subprocess.Popen(
        [sys.executable, "-m", "onex.cli.main", "run", str(_FOLDER)], env=env, stderr=subprocess.DEVNULL
    )
    try:
        return _drive(bootstrap, codec, share, rate, seconds)
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait()
        bus.close()


def _fresh_topics(bus: KafkaEventBusAdapter) -> Codec:
    """Topics of an earlier run go: what waits in its retry topic must not be in the way."""
    declared = declare([resolve_node(_FOLDER)], 1)
    mine = [name for name in declared.topics if ".bench." in name or ".bank." in name]
    for name in bus.admin.topics(mine):
        bus.admin.delete(name)
    while bus.admin.topics(mine):
        time.sleep(0.05)
    catalogue = TopicCatalogue(bus)
    apply_plan(make_plan(declared, bus, catalogue), declared, bus, catalogue)
    return Codec.of_topic(resolve_node(_FOLDER).routes[_INPUT].model, _INPUT, catalogue)


def _drive(bootstrap: str, codec: Codec, share: int, rate: int, seconds: float) -> list[float]:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "isolation.level": "read_committed"}
    )
    consumer.assign([TopicPartition(_OUTPUT, number, 0) for number in range(_PARTITIONS)])
    keys = [f"bad-{n}" if n < share * _KEYS // 100 else f"good-{n}" for n in range(_KEYS)]
    sent: dict[int, float] = {}
    delays: list[float] = []
    number, answered, first = 0, 0, 0.0
    due = time.perf_counter()
    deadline = due + seconds + 60
    while not first or time.perf_counter() < first + seconds or sent:
        now = time.perf_counter()
        if now > deadline:
            sys.exit(f"{len(sent)} results of healthy keys did not arrive")
        sending = not number or (first and now < first + seconds)
        if sending and now >= due:
            # The very first one goes to a healthy key; load begins when the agent has answered it.
            key = keys[-1] if not number else keys[number * 37 % _KEYS]
            if key.startswith("good"):
                sent[number] = now
            value = codec.encode(codec.model(account=key, number=number))
            headers = [(h.ID, f"{number}".encode()), (h.CORRELATION, f"{number}".encode())]
            place = partition_of(key.encode(), _PARTITIONS)
            producer.produce(_INPUT, value, key.encode(), headers=headers, partition=place)
            producer.poll(0)
            number += 1
            due = now + 1 / rate
        message = consumer.poll(max(0.0, min(due - time.perf_counter(), 0.02)))
        if message is None or message.error():
            continue
        cause = dict(message.headers() or [])[h.CORRELATION]
        started = sent.pop(int(cause), None)
        answered += 1
        first = first or time.perf_counter()
        if started is not None and started > first + _WARM:
            delays.append((time.perf_counter() - started) * 1000)
    producer.flush(10)
    consumer.close()
    return delays


if __name__ == "__main__":
    main()
