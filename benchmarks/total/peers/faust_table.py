"""faust-streaming: a table in memory with its changelog."""

import asyncio
import signal

import faust

from benchmarks.field.job import Job
from benchmarks.price.peers.order import headers_for, now
from benchmarks.total.peers.amount import Total, decoder, encoder


async def main() -> None:
    """Until SIGTERM. At least once: under a running program faust has no transactions."""
    job = Job.given()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    decode, encode, headers_of = decoder(job), encoder(job), headers_for(job)
    app = faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        web_enabled=False,
        topic_disable_leader=True,
        datadir=job.folder,
        consumer_auto_offset_reset="earliest",
        producer_linger=0.005,
        stream_wait_empty=False,
    )
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    source, target = app.topic(job.input, **raw), app.topic(job.output, **raw)
    table = app.Table("totals", partitions=4)

    @app.agent(source)
    async def add(stream: faust.StreamT) -> None:
        async for event in stream.events():
            amount = decode(event.value)
            total, count = table.get(amount.account, (0, 0))
            total, count = total + amount.value, count + 1
            table[amount.account] = [total, count]
            given = list(event.headers.items()) if isinstance(event.headers, dict) else event.headers
            value = encode(Total(account=amount.account, total=total, count=count))
            await target.send(key=event.key, value=value, headers=headers_of(given, event.key, now()))

    await app.start()
    await stop.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main())
