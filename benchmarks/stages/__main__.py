"""``python -m benchmarks.stages``: microseconds a message in each stage of the price node, alone and warm.

Records come from a real broker; each stage runs over the same two thousand of them, the best of many rounds. In an
agent that works, caches are shared with the stages around and with librdkafka's threads: there the sum is higher.
"""

import argparse
import gc
import io
import time
from collections.abc import Callable, Sequence

import fastavro
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from benchmarks.field.cluster import Cluster, cluster
from benchmarks.price import setup
from benchmarks.report import Report, Series
from benchmarks.stages.layers import carrying, each, in_groups, layers
from onex.agent.message.decoding import Decoder
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import read_envelopes
from onex.agent.message.program import build_program
from onex.agent.pure.batch_pace import TOGETHER
from onex.schema import avro_schema

_RECORDS = 2000
_ROUNDS = 60


def main() -> None:
    """Measure, print and write ``build/bench/stages.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    with cluster() as field:
        field.provision([setup.node()])
        setup.fill(field, _RECORDS * 40)
        for _ in range(options.runs):
            for name, value in _stages(field).items():
                found.setdefault(name, []).append(value)
    report = Report("stages")
    for name, values in found.items():
        report.add(Series(name, "us a message", values))
    report.write()


def _stages(field: Cluster) -> dict[str, float]:
    program = build_program(setup.node(), field.catalogue)
    entry, output = program.inputs[setup.INPUT], next(iter(program.outputs.values()))
    stages: dict[str, float] = {}
    records = _consumed(field, stages)
    gc.collect()
    gc.freeze()
    gc.disable()
    nothing = _best(records, lambda _: None)

    def stage(name: str, items: Sequence[object], call: Callable[..., object]) -> None:
        stages[name] = _best(items, call) - nothing

    groups = in_groups(records, TOGETHER)
    stages["envelope: look headers up and check them"] = each(groups, lambda group: read_envelopes([*group]), _best)
    values = [record.value() for record in records]
    stage("decode and validate", values, entry.decode)
    decode = Decoder(program).decode
    received = decode(records)
    stage("handler (builds a validated model)", received, lambda r: entry.handle(r[1]))
    results = [entry.handle(message) for _, message, _ in received]
    stage("encode", results, output.encode)
    emitter = Encoder(program.outputs, program.contract.name)
    emitter.set_time(0)
    envelopes = [envelope for _, _, envelope in received]
    pairs = [*zip(in_groups(results, TOGETHER), in_groups(envelopes, TOGETHER), strict=True)]
    of_groups = _best(pairs, lambda pair: emitter.encode_each(*pair))
    stages["emit: key, id, headers and encode"] = of_groups * len(pairs) / len(results)
    for name, size in (("all of it, as the engine calls it", TOGETHER), ("all of it, one message at a time", 1)):
        stages[name] = each(in_groups(records, size), carrying(program, None), _best)
    emitted = emitter.encode_each(results, envelopes)
    stages["produce with ten headers"] = _produce(field, emitted)
    stages["produce without headers"] = _produce(field, [(t, v, k, []) for t, v, k, _ in emitted])
    _by_fastavro(stages, values, results, entry.model, next(iter(program.outputs)))
    stages |= layers(program, field.catalogue, records, lambda items, call: _best(items, call) - nothing)
    gc.enable()
    gc.unfreeze()
    return stages


def _by_fastavro(
    stages: dict[str, float], values: Sequence[bytes], results: Sequence[object], reads: type, writes: type
) -> None:
    """The same by fastavro and pydantic, for comparison."""
    reading, writing = fastavro.parse_schema(avro_schema(reads)), fastavro.parse_schema(avro_schema(writes))
    validate = reads.__pydantic_validator__.validate_python

    def read(value: bytes) -> object:
        return validate(fastavro.schemaless_reader(io.BytesIO(value[5:]), reading, None))

    def write(result: object) -> bytes:
        out = io.BytesIO()
        out.write(b"\x00\x00\x00\x00\x01")
        fastavro.schemaless_writer(out, writing, result.__dict__)
        return out.getvalue()

    stages["decode and validate, by fastavro and pydantic"] = _best(values, read)
    stages["encode, by fastavro"] = _best(results, write)


def _consumed(field: Cluster, stages: dict[str, float]) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": field.bootstrap, "group.id": "stages", "queued.min.messages": 100_000})
    consumer.assign([TopicPartition(setup.INPUT, 0, 0)])
    records = consumer.consume(_RECORDS, 10)
    time.sleep(1.0)  # the rest of the partition arrives
    consume, headers = [], []
    for _ in range(8):
        began = time.perf_counter()
        batch = consumer.consume(_RECORDS, 5)
        taken = time.perf_counter()
        for record in batch:
            record.headers()
        read = time.perf_counter()
        consume.append((taken - began) / len(batch) * 1e6)
        headers.append((read - taken) / len(batch) * 1e6)
    consumer.close()
    stages["consume"], stages["headers from librdkafka"] = min(consume), min(headers)
    return list(records)


def _produce(field: Cluster, emitted: Sequence[tuple[object, ...]]) -> float:
    producer = Producer(
        {
            "bootstrap.servers": field.bootstrap,
            "linger.ms": 60_000,
            "queue.buffering.max.messages": 1_000_000,
            "batch.num.messages": 1_000_000,
        }
    )
    best = float("inf")
    for _ in range(_ROUNDS // 2):
        began = time.perf_counter()
        for topic, value, key, headers in emitted:
            producer.produce(topic, value, key, -1, None, None, 0, headers)
        best = min(best, time.perf_counter() - began)
        producer.purge()
        producer.poll(0)
    return best / len(emitted) * 1e6


def _best(items: Sequence[object], call: Callable[..., object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for item in items:
            call(item)
        best = min(best, time.perf_counter() - began)
    return best / len(items) * 1e6


if __name__ == "__main__":
    main()
