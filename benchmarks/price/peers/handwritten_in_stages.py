"""The hand-written loop with what the mesh's engine knows: 64 messages together, one stage after the other."""

import sys

from benchmarks.field.job import Job, stopped
from benchmarks.peer.clients import batches, commit, make_consumer, make_producer
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.price.peers.order import Order, price

_TOGETHER = 64


def main() -> None:
    """Until SIGTERM; exactly-once."""
    job, stop = Job.given(), stopped()
    decode, encode, headers_of = decoder(job, Order), encoder(job), headers_for(job)
    consumer, producer = make_consumer(job), make_producer(job)
    produce, output = producer.produce, job.output
    for batch, offsets in batches(consumer, job.input, stop):
        time = now()
        producer.begin_transaction()
        while batch:
            together = batch[-_TOGETHER:]
            del batch[-_TOGETHER:]
            together.reverse()
            if any(message.error() for message in together):
                sys.exit("a message is an error")
            orders = [decode(message.value()) for message in together]
            priced = [price(order) for order in orders]
            values = [encode(message) for message in priced]
            keys = [message.order_id.encode() for message in priced]
            given = [message.headers() for message in together]
            headers = [headers_of(found, key, time) for found, key in zip(given, keys, strict=True)]
            for value, key, beside in zip(values, keys, headers, strict=True):
                produce(output, value, key, headers=beside)
        commit(producer, consumer, offsets)
    consumer.close()


if __name__ == "__main__":
    main()
