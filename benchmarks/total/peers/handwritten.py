"""The ceiling: totals in a dict, one changelog record per key and transaction, all of it exactly once."""

import json
import sys

from benchmarks.field.job import Job, stopped
from benchmarks.peer.clients import batches, make_consumer, make_producer
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.total.peers.amount import Amount, Total


def main() -> None:
    """Until SIGTERM. Restoring is not part of the job: the topic of the changelog is the mesh node's own."""
    job, stop = Job.given(), stopped()
    decode, encode, headers_of = decoder(job, Amount), encoder(job), headers_for(job)
    consumer, producer = make_consumer(job), make_producer(job)
    produce, output, changelog = producer.produce, job.output, sys.argv[2]
    totals: dict[str, tuple[int, int]] = {}
    for batch, offsets in batches(consumer, job.input, stop):
        changed: dict[str, int] = {}
        time = now()
        producer.begin_transaction()
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
