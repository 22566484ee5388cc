"""confluent-kafka as an expert would set it up, and the batches of a loop around it."""

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from benchmarks.field.job import Job

_BATCH = 2000
_REBALANCE = 10.0
Batch = tuple[list[Message], list[TopicPartition]]
"""Messages, the last one first, and the offsets that are done with them."""


def make_consumer(job: Job) -> Consumer:
    """In the group of the job; :func:`batches` subscribes it."""
    return Consumer(
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


def batches(consumer: Consumer, topic: str, stop: Event) -> Iterator[Batch]:
    """Until ``stop`` is set. Messages are taken from the end: what is done is let go while it is in the cache."""
    revoked: set[int] = set()

    def on_revoke(_: Consumer, partitions: list[TopicPartition]) -> None:
        revoked.update(each.partition for each in partitions)

    consumer.subscribe([topic], on_revoke=on_revoke)
    gc.collect()
    gc.freeze()
    while not stop.is_set():
        revoked.clear()
        first = consumer.poll(0.2)
        if first is None:
            continue
        batch = [first, *consumer.consume(_BATCH - 1, 0)]
        del first
        if revoked:  # another instance begins with these messages
            batch = [message for message in batch if message.partition() not in revoked]
        ends = {(m.topic(), m.partition()): m.offset() + 1 for m in batch}
        batch.reverse()
        if batch:
            yield batch, [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]


def commit(producer: Producer, consumer: Consumer, offsets: list[TopicPartition]) -> None:
    """Commit a transaction of a loop without state. One that a new instance in the group spoils is done again."""
    try:
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
    except KafkaException as error:
        if not error.args[0].txn_requires_abort():
            raise
        producer.abort_transaction()
        _rewind(consumer)


def _rewind(consumer: Consumer) -> None:
    """Go back to what is committed. While a rebalance is under way, the broker may refuse to say: ask again."""
    limit = time.monotonic() + _REBALANCE
    while True:
        try:
            for place in consumer.committed(consumer.assignment(), timeout=_REBALANCE):
                place.offset = place.offset if place.offset >= 0 else OFFSET_BEGINNING
                consumer.seek(place)
        except KafkaException:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)
        else:
            return
