"""aiokafka by hand: ``getmany`` and transactions."""

import asyncio
import signal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.field.job import Job
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.price.peers.order import Order, price

_BATCH = 2000


async def main() -> None:
    """Until SIGTERM."""
    job = Job.given()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    decode, encode, headers_of = decoder(job, Order), encoder(job), headers_for(job)
    consumer = AIOKafkaConsumer(
        job.input,
        bootstrap_servers=job.bootstrap,
        group_id=job.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=job.bootstrap,
        transactional_id=f"{job.group}-tx" if job.exactly_once else None,
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        max_batch_size=1_000_000,
    )
    await producer.start()
    await consumer.start()
    while not stop.is_set():
        batches = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
        if not batches:
            continue
        offsets = {partition: records[-1].offset + 1 for partition, records in batches.items()}
        time, sent = now(), []
        if job.exactly_once:
            await producer.begin_transaction()
        for records in batches.values():
            for record in records:
                priced = price(decode(record.value))
                key = priced.order_id.encode()
                headers = headers_of(record.headers, key, time)
                sent.append(await producer.send(job.output, encode(priced), key, headers=headers))
        if job.exactly_once:
            await producer.send_offsets_to_transaction(offsets, job.group)
            await producer.commit_transaction()
        else:
            await asyncio.gather(*sent)
            await consumer.commit(offsets)
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
