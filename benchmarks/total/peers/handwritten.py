"""The ceiling: totals in a dict, one changelog record per key and transaction, all of it exactly once."""

import gc
import json
import sys
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.field.job import Job, stopped
from benchmarks.price.peers.order import headers_for, now
from benchmarks.total.peers.amount import Total, decoder, encoder

_BATCH = 2000


def main() -> None:
    """Until SIGTERM. Restoring is not part of the job: the topic of the changelog is the mesh node's own."""
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
    producer = Producer(
        {
            "bootstrap.servers": job.bootstrap,
            "transactional.id": f"{job.group}-{Path(job.folder).name}",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 5,
            "batch.num.messages": 10_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 200_000,
            "retry.backoff.ms": 2,
            "retry.backoff.max.ms": 200,
        }
    )
    producer.init_transactions(30)
    produce, output = producer.produce, job.output
    consumer.subscribe([job.input])
    totals: dict[str, tuple[int, int]] = {}
    changelog = sys.argv[2]
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
        changed: dict[str, int] = {}
        time = now()
        producer.begin_transaction()
        batch.reverse()
        while batch:
            message = batch.pop()
            if message.error():
                sys.exit(str(message.error()))
            amount = decode(message.value())
            old = totals.get(amount.account, (0, 0))
            new = totals[amount.account] = old[0] + amount.value, old[1] + 1
            changed[amount.account] = message.partition()
            key = amount.account.encode()
            total = Total(account=amount.account, total=new[0], count=new[1])
            produce(output, encode(total), key, headers=headers_of(message.headers(), key, time))
        for account, partition in changed.items():
            produce(changelog, json.dumps(totals[account]).encode(), account.encode(), partition)
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
    consumer.close()


if __name__ == "__main__":
    main()
