"""A Quix Streams application as all its entries have it."""

from collections.abc import Callable

from quixstreams import Application
from quixstreams.dataframe import StreamingDataFrame

from benchmarks.field.job import Job
from benchmarks.peer.wire import headers_for, now


def run(job: Job, work: Callable[[StreamingDataFrame], StreamingDataFrame], *, soon: bool = False) -> None:
    """From topic to topic with headers, until SIGTERM; ``soon``: commit every 10 ms."""
    headers_of = headers_for(job)
    application = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once" if job.exactly_once else "at-least-once",
        **({"commit_interval": 0.01} if soon else {"commit_every": 2000}),
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
    frame = work(application.dataframe(source))
    frame = frame.set_headers(lambda value, key, timestamp, headers: headers_of(headers, key, now()))
    frame.to_topic(target)
    application.run()
