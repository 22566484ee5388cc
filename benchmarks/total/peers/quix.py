"""Quix Streams: a stateful ``apply``."""

from quixstreams import Application, State

from benchmarks.field.job import Job, stopped
from benchmarks.price.peers.order import headers_for, now
from benchmarks.total.peers.amount import Total, decoder, encoder


def main() -> None:
    """Until SIGTERM, which the application handles itself."""
    job = Job.given()
    stopped()
    decode, encode, headers_of = decoder(job), encoder(job), headers_for(job)
    application = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_every=2000,
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

    def add(value: bytes, state: State) -> bytes:
        amount = decode(value)
        total, count = state.get("total", 0) + amount.value, state.get("count", 0) + 1
        state.set("total", total)
        state.set("count", count)
        return encode(Total(account=amount.account, total=total, count=count))

    frame = application.dataframe(source)
    frame = frame.apply(add, stateful=True)
    frame = frame.set_headers(lambda value, key, timestamp, headers: headers_of(headers, key, now()))
    frame.to_topic(target)
    application.run()


if __name__ == "__main__":
    main()
