"""faust-streaming: an agent over events, or over ``take(1000)`` with the argument ``take``."""

import asyncio
import signal
import sys

import faust

from benchmarks.field.job import Job
from benchmarks.peer.faust_app import app_of
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.price.peers.order import Order, price


async def main() -> None:
    """Until SIGTERM. At least once: under a running program faust has no transactions."""
    job, take = Job.given(), sys.argv[2:] == ["take"]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    decode, encode, headers_of = decoder(job, Order), encoder(job), headers_for(job)
    app = app_of(job)
    source = app.topic(job.input, value_type=bytes, key_type=bytes)
    target = app.topic(job.output, value_type=bytes, key_type=bytes)

    async def one(event: faust.EventT, time: bytes) -> None:
        priced = price(decode(event.value))
        key = priced.order_id.encode()
        given = list(event.headers.items()) if isinstance(event.headers, dict) else event.headers
        await target.send(key=key, value=encode(priced), headers=headers_of(given, key, time))

    if take:

        @app.agent(source)
        async def in_batches(stream: faust.StreamT) -> None:
            async for events in stream.take_events(1000, within=0.05):
                time = now()
                for event in events:
                    await one(event, time)
    else:

        @app.agent(source)
        async def each(stream: faust.StreamT) -> None:
            async for event in stream.events():
                await one(event, now())

    await app.start()
    await stop.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main())
