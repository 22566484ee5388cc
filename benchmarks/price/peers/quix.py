"""Quix Streams: a StreamingDataFrame from topic to topic; with the argument ``soon`` it commits every 10 ms."""

import sys

from benchmarks.field.job import Job, stopped
from benchmarks.peer.quix import run
from benchmarks.peer.wire import decoder, encoder
from benchmarks.price.peers.order import Order, price


def main() -> None:
    """Until SIGTERM, which the application handles itself."""
    job = Job.given()
    stopped()
    decode, encode = decoder(job, Order), encoder(job)
    run(job, lambda frame: frame.apply(lambda value: encode(price(decode(value)))), soon=sys.argv[2:] == ["soon"])


if __name__ == "__main__":
    main()
