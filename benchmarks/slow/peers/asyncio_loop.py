"""aiokafka on uvloop: a batch, a chain of calls for each key, a hundred concurrent calls, one transaction a batch."""

import asyncio
import signal
import time
from collections.abc import Sequence

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from pydantic import BaseModel

from benchmarks.field.job import Job
from benchmarks.peer.wire import decoder, encoder

_BATCH, _AT_ONCE = 2000, 100
_WAIT_NS = 2_500_000


class Call(BaseModel):
    """A command."""

    account: str
    number: int


class Called(BaseModel):
    """What became of it."""

    account: str
    number: int
    began_ns: int
    ended_ns: int


async def main() -> None:
    """Until SIGTERM."""
    job = Job.given()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    decode, encode, places = decoder(job, Call), encoder(job), asyncio.Semaphore(_AT_ONCE)
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
        transactional_id=f"{job.group}-tx",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        max_batch_size=1_000_000,
    )

    async def chain(records: Sequence[ConsumerRecord[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Calls of one key, one after the other."""
        done: list[tuple[bytes, bytes]] = []
        for record in records:
            command = decode(record.value)
            async with places:
                began = time.monotonic_ns()
                ended = began
                while (left := began + _WAIT_NS - ended) > 0:
                    await asyncio.sleep(max(left / 1e9, 0.001))
                    ended = time.monotonic_ns()
            called = Called(account=command.account, number=command.number, began_ns=began, ended_ns=ended)
            done.append((encode(called), record.key))
        return done

    await producer.start()
    await consumer.start()
    while not stop.is_set():
        batches = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
        if not batches:
            continue
        keys: dict[bytes, list[ConsumerRecord[bytes, bytes]]] = {}
        for records in batches.values():
            for record in records:
                keys.setdefault(record.key, []).append(record)
        outputs = await asyncio.gather(*map(chain, keys.values()))
        await producer.begin_transaction()
        for done in outputs:
            for value, key in done:
                await producer.send(job.output, value, key)
        offsets = {partition: records[-1].offset + 1 for partition, records in batches.items()}
        await producer.send_offsets_to_transaction(offsets, job.group)
        await producer.commit_transaction()
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    uvloop.run(main())
