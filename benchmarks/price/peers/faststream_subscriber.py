"""FastStream: arguments ``confluent`` or ``aiokafka``, and ``default`` or ``batch``."""

import asyncio
import signal
import sys

from benchmarks.field.job import Job
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.price.peers.order import Order, price


def _pairs(headers: dict[str, object]) -> list[tuple[str, bytes]]:
    """FastStream passes headers as a dict of text."""
    return [(name, str(value).encode()) for name, value in headers.items()]


async def main() -> None:
    """Until SIGTERM. It has no transactions, and a batch has one set of headers; on aiokafka also one partition."""
    job, (client, mode) = Job.given(), sys.argv[2:4]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if client == "confluent":
        from faststream.confluent import KafkaBroker, KafkaMessage, KafkaPublishMessage
    else:
        from faststream.kafka import KafkaBroker, KafkaMessage, KafkaPublishMessage
    decode, encode, headers_of = decoder(job, Order), encoder(job), headers_for(job)
    # One message at a time is awaited: waiting for company would only slow it down.
    settings = {"linger_ms": 5 if mode == "batch" else 0, "compression_type": "lz4", "logger": None}
    if client == "aiokafka":
        settings["max_batch_size"] = 1_000_000
    broker = KafkaBroker(job.bootstrap, **settings)
    publisher = broker.publisher(job.output, batch=mode == "batch")

    if mode == "batch":

        @broker.subscriber(job.input, group_id=job.group, auto_offset_reset="earliest", batch=True, max_records=1000)
        async def in_batches(values: list[bytes], message: KafkaMessage) -> None:
            out = []
            for value in values:
                priced = price(decode(value))
                out.append(KafkaPublishMessage(encode(priced), key=priced.order_id.encode()))
            headers = headers_of(_pairs(message.headers), b"", now())
            await publisher.publish(*out, headers=_text(headers))
    else:

        @broker.subscriber(job.input, group_id=job.group, auto_offset_reset="earliest")
        async def each(value: bytes, message: KafkaMessage) -> None:
            priced = price(decode(value))
            key = priced.order_id.encode()
            headers = _text(headers_of(_pairs(message.headers), key, now()))
            await publisher.publish(encode(priced), key=key, headers=headers)

    await broker.start()
    await stop.wait()
    await broker.stop()


def _text(headers: list[tuple[str, bytes]]) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}


if __name__ == "__main__":
    asyncio.run(main())
