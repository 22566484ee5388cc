"""The ceiling: a confluent-kafka loop as an expert would write it, with fastavro, pydantic and transactions.

Two things that a profile shows are in it: records are let go as soon as they are done, because the freed memory is
still in the processor's cache for the next ones; and headers, time and offsets are prepared once a batch.
"""

import gc
import sys
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.field.job import Job, stopped
from benchmarks.price.peers.order import decoder, encoder, headers_for, now, price

_BATCH = 2000


def main() -> None:
    """Until SIGTERM."""
    job, stop = Job.given(), stopped()
    decode, encode, headers_of = decoder(job), encoder(job), headers_for(job)
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
        }
    )
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
    if job.exactly_once:
        settings["transactional.id"] = f"{job.group}-{Path(job.folder).name}"
    else:
        settings["enable.idempotence"] = True
    producer = Producer(settings)
    if job.exactly_once:
        producer.init_transactions(30)
    produce, output = producer.produce, job.output
    consumer.subscribe([job.input])
    gc.collect()
    gc.freeze()
    while not stop.is_set():
        first = consumer.poll(0.2)
        if first is None:
            continue
        batch = [first, *consumer.consume(_BATCH - 1, 0)]
        del first
        ends = {(m.topic(), m.partition()): m.offset() + 1 for m in batch}
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]
        time = now()
        if job.exactly_once:
            producer.begin_transaction()
        batch.reverse()
        while batch:
            message = batch.pop()
            if message.error():
                sys.exit(str(message.error()))
            priced = price(decode(message.value()))
            key = priced.order_id.encode()
            produce(output, encode(priced), key, headers=headers_of(message.headers(), key, time))
        if job.exactly_once:
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            producer.commit_transaction()
        else:
            producer.flush()
            consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    main()
