"""confluent-kafka as an expert would set it up, and the batches of a loop around it."""

import gc
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from benchmarks.field.job import Job

_BATCH = 2000
Batch = tuple[list[Message], list[TopicPartition]]
"""Messages, the last one first, and the offsets that are done with them."""


def make_consumer(job: Job) -> Consumer:
    """Subscribed."""
    consumer = Consumer(
        {
            "bootstrap.servers": job.bootstrap,
            "group.id": job.group,
            "group.protocol": "consumer",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 32_768,
            "fetch.queue.backoff.ms": 10,
        }
    )
    consumer.subscribe([job.input])
    return consumer


def make_producer(job: Job) -> Producer:
    """Transactional where the job is exactly-once, and then ready for the first one."""
    settings: dict[str, str | int] = {
        "bootstrap.servers": job.bootstrap,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        "batch.num.messages": 10_000,
        "batch.size": 1_000_000,
        "queue.buffering.max.messages": 200_000,
        "retry.backoff.ms": 2,
        "retry.backoff.max.ms": 200,
    }
    if not job.exactly_once:
        return Producer({**settings, "enable.idempotence": True})
    producer = Producer({**settings, "transactional.id": f"{job.group}-{Path(job.folder).name}"})
    producer.init_transactions(30)
    return producer


def batches(consumer: Consumer, stop: Event) -> Iterator[Batch]:
    """Until ``stop`` is set. Messages are taken from the end: what is done is let go while it is in the cache."""
    gc.collect()
    gc.freeze()
    while not stop.is_set():
        first = consumer.poll(0.2)
        if first is None:
            continue
        batch = [first, *consumer.consume(_BATCH - 1, 0)]
        del first
        ends = {(m.topic(), m.partition()): m.offset() + 1 for m in batch}
        batch.reverse()
        yield batch, [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]
