"""A header name that is not UTF-8, written by librdkafka: no Python client writes one."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from onex.bus.kafka.unreadable import UnreadableRecord, with_readable_headers
from onex.errors import PoisonError

_END, _TOPIC, _PARTITION, _VALUE, _HEADER = 0, 1, 3, 4, 9
"""Of ``rd_kafka_vtype_t``."""
_MANY = 10


def _write(address: str, records: Sequence[Sequence[tuple[bytes, bytes | None]]]) -> None:
    """Write records with these headers to partition 0 of topic "t"."""
    (library,) = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka-*")
    lib = ctypes.CDLL(str(library))
    lib.rd_kafka_conf_new.restype = lib.rd_kafka_new.restype = ctypes.c_void_p
    error = ctypes.create_string_buffer(512)
    conf = ctypes.c_void_p(lib.rd_kafka_conf_new())
    lib.rd_kafka_conf_set(conf, b"bootstrap.servers", address.encode(), error, ctypes.c_size_t(512))
    client = ctypes.c_void_p(lib.rd_kafka_new(0, conf, error, ctypes.c_size_t(512)))
    for headers in records:
        given: list[object] = [_TOPIC, b"t", _PARTITION, ctypes.c_int32(0), _VALUE, b"value", ctypes.c_size_t(5)]
        for name, value in headers:
            given += [_HEADER, name, value, ctypes.c_ssize_t(len(value or b""))]
        assert lib.rd_kafka_producev(client, *given, _END) == 0
    assert lib.rd_kafka_flush(client, 10_000) == 0
    lib.rd_kafka_destroy(client)


def test_records_with_unreadable_headers_are_replaced_and_the_others_are_whole() -> None:
    cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused:1", "log_level": 0})
    (broker,) = cluster.list_topics(timeout=10).brokers.values()
    address = f"{broker.host}:{broker.port}"
    _write(address, [[(b"a", b"1")], [(b"\xff\xfe", b"2")], [(b"b", b"3"), (b"\xff", b"4")], [], [(b"c", None)]])
    consumer = Consumer({"bootstrap.servers": address, "group.id": "g", "log_level": 0})
    consumer.assign([TopicPartition("t", 0, 0)])
    messages: list[Message] = []
    for _ in range(_MANY):
        messages += [message for message in consumer.consume(5 - len(messages), 5.0) if message.error() is None]
        if len(messages) == 5:
            break
    records = with_readable_headers(messages)
    assert [isinstance(record, UnreadableRecord) for record in records] == [False, True, True, False, False]
    assert [records[at].headers() for at in (0, 3, 4)] == [[("a", b"1")], None, [("c", None)]]
    for record in records[1:3]:
        assert (record.topic(), record.partition(), record.value()) == ("t", 0, b"value")
        for _ in range(2):
            with pytest.raises(PoisonError):
                record.headers()
    consumer.close()
