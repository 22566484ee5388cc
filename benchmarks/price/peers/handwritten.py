"""The ceiling: a confluent-kafka loop as an expert would write it, with fastavro, pydantic and transactions.

Two things that a profile shows are in it: records are let go as soon as they are done, because the freed memory is
still in the processor's cache for the next ones; and headers, time and offsets are prepared once a batch.
"""

import sys

from benchmarks.field.job import Job, stopped
from benchmarks.peer.clients import batches, commit, make_consumer, make_producer
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.price.peers.order import Order, price


def main() -> None:
    """Until SIGTERM."""
    job, stop = Job.given(), stopped()
    decode, encode, headers_of = decoder(job, Order), encoder(job), headers_for(job)
    consumer, producer = make_consumer(job), make_producer(job)
    produce, output = producer.produce, job.output
    for batch, offsets in batches(consumer, job.input, stop):
        time = now()
        if job.exactly_once:
            producer.begin_transaction()
        while batch:
            message = batch.pop()
            if message.error():
                sys.exit(str(message.error()))
            priced = price(decode(message.value()))
            key = priced.order_id.encode()
            produce(output, encode(priced), key, headers=headers_of(message.headers(), key, time))
        if job.exactly_once:
            commit(producer, consumer, offsets)
        else:
            producer.flush()
            consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    main()
