"""Quix Streams: a StreamingDataFrame from topic to topic; with the argument ``soon`` it commits every 10 ms."""

import sys

from quixstreams import Application

from benchmarks.field.job import Job, stopped
from benchmarks.price.peers.order import decoder, encoder, headers_for, now, price


def main() -> None:
    """Until SIGTERM, which the application handles itself."""
    job = Job.given()
    stopped()
    decode, encode, headers_of = decoder(job), encoder(job), headers_for(job)
    application = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once" if job.exactly_once else "at-least-once",
        **({"commit_interval": 0.01} if sys.argv[2:] == ["soon"] else {"commit_every": 2000}),
        state_dir=job.folder,
        loglevel="WARNING",
        producer_extra_config={
            "compression.type": "lz4",
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 200_000,
        },
        consumer_extra_config={"queued.min.messages": 20_000},
    )
    source = application.topic(job.input, value_deserializer="bytes", key_deserializer="bytes")
    target = application.topic(job.output, value_serializer="bytes", key_serializer="bytes")
    frame = application.dataframe(source)
    frame = frame.apply(lambda value: encode(price(decode(value))))
    frame = frame.set_headers(lambda value, key, timestamp, headers: headers_of(headers, key, now()))
    frame.to_topic(target)
    application.run()


if __name__ == "__main__":
    main()
