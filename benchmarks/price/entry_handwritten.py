"""The ceiling: a confluent-kafka loop as an expert would write it, with fastavro, pydantic and transactions."""

import io
import sys
import time
from hashlib import blake2b

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.price.setup import INPUT, OUTPUT, node, open_bus
from onex.bus.schema.topic_catalogue import TopicCatalogue

_BATCH = 2000


def main(bootstrap: str, group: str, count: int) -> None:
    resolved = node()
    order, priced = resolved.routes[INPUT].model, next(iter(resolved.outputs))
    catalogue = TopicCatalogue(open_bus(bootstrap))
    reading = catalogue.versions(f"{INPUT}-value")[-1]
    writing = catalogue.versions(f"{OUTPUT}-value")[-1]
    read_schema = fastavro.parse_schema(catalogue.schema_of(reading.id))
    write_schema = fastavro.parse_schema(catalogue.schema_of(writing.id))
    prefix = b"\x00" + writing.id.to_bytes(4, "big")
    validate = order.__pydantic_validator__.validate_python
    read, write = fastavro.schemaless_reader, fastavro.schemaless_writer
    type_header = ("ce_type", OUTPUT.encode())
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.protocol": "consumer",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 32_768,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": f"{group}-tx",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 5,
            "batch.num.messages": 10_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 200_000,
            "retry.backoff.ms": 2,
            "retry.backoff.max.ms": 200,
        }
    )
    producer.init_transactions(30)
    produce = producer.produce
    consumer.subscribe([INPUT])
    done, started, cpu = 0, 0.0, 0.0
    while done < count:
        first = consumer.poll(0.5)
        if first is None:
            continue
        if not started:
            started, cpu = time.perf_counter(), time.process_time()
        batch = [first, *consumer.consume(_BATCH - 1, 0)]
        producer.begin_transaction()
        for message in batch:
            if message.error():
                raise SystemExit(str(message.error()))
            headers = dict(message.headers())
            request = validate(read(io.BytesIO(message.value()[5:]), read_schema))
            result = priced(
                order_id=request.order_id,
                customer=request.customer,
                quantity=request.quantity,
                total=request.quantity * request.unit_price,
                placed_ms=request.placed_ms,
            )
            out = io.BytesIO()
            out.write(prefix)
            write(out, write_schema, result.__dict__)
            produce(
                OUTPUT,
                out.getvalue(),
                result.order_id.encode(),
                headers=[
                    ("ce_id", blake2b(headers["ce_id"], digest_size=16).hexdigest().encode()),
                    type_header,
                    ("onex-correlation-id", headers["onex-correlation-id"]),
                    ("traceparent", headers["traceparent"]),
                ],
            )
        ends = {(m.topic(), m.partition()): m.offset() + 1 for m in batch}
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
        done += len(batch)
    ended, cpu_ended = time.perf_counter(), time.process_time()
    consumer.close()
    print(f"{count / (ended - started):.0f} {(cpu_ended - cpu) / count * 1e6:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
