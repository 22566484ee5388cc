"""aiokafka reads every record of a batch, also behind a header name that is not UTF-8."""

import asyncio
import gzip
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import aiokafka.consumer.fetcher as fetcher
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition
from faust.types import EventT

from onex.bus.aio.listener import AioListener
from onex.bus.aio.unreadable import ReadableRecords, UnreadableName, read_all_headers
from onex.bus.faust.consumer import FaustRecord
from onex.errors import PoisonError

_MARK, _RAW = "@@@@", b"@\xff\xfe@"
"""aiokafka writes names as text: this one is written, and replaced by bytes that are none."""
_HEADERS: Sequence[list[tuple[str, bytes | None]]] = (
    [("a", b"1")],
    [(_MARK, b"x"), ("b", b"2")],
    [(_MARK, None)],
    [],
)
_PLAIN, _GZIP = 0, 1
_TP = TopicPartition("t", 0)


def _batch(compression: int, first: int = 0, headers: Sequence[list[tuple[str, bytes | None]]] = _HEADERS) -> bytes:
    builder = DefaultRecordBatchBuilder(2, _PLAIN, 0, -1, -1, -1, 1 << 20)
    for offset, pairs in enumerate(headers):
        builder.append(offset, 1000, b"key", b"value %d" % offset, pairs)
    data = bytearray(builder.build().replace(_MARK.encode(), _RAW))
    if compression:
        data[61:] = gzip.compress(data[61:])
        data[22] |= compression  # the attributes
        data[8:12] = (len(data) - 12).to_bytes(4, "big")
    data[:8] = first.to_bytes(8, "big")
    return bytes(data)


def _records(data: bytes, position: int = 0) -> list[Any]:
    read_all_headers()
    records = fetcher.PartitionRecords(
        _TP, fetcher.MemoryRecords(data), [], position, None, None, False, fetcher.READ_COMMITTED
    )
    return list(records)


@pytest.mark.parametrize("compression", [_PLAIN, _GZIP])
def test_all_records_of_a_batch_are_read_and_names_that_are_not_utf8_are_marked(compression: int) -> None:
    read = _records(_batch(compression) + _batch(compression, first=4))
    assert [record.offset for record in read] == list(range(8))
    assert [record.value for record in read] == 2 * [b"value 0", b"value 1", b"value 2", b"value 3"]
    assert read[0].headers == (("a", b"1"),)
    assert read[1].headers == (("@\udcff\udcfe@", b"x"), ("b", b"2"))
    marked = [[isinstance(name, UnreadableName) for name, _ in record.headers] for record in read[:4]]
    assert marked == [[False], [True, False], [True], []]
    assert [record.offset for record in _records(_batch(compression), position=2)] == [2, 3]


def test_a_batch_that_is_really_broken_is_still_refused() -> None:
    data = bytearray(_batch(_PLAIN))
    data[61] = 0x7F  # the length of the first record
    with pytest.raises(fetcher.Errors.CorruptRecordException):
        _records(bytes(data))


def test_faust_has_such_a_record_as_one_whose_headers_are_poison() -> None:
    found = [
        FaustRecord(cast(EventT[object], SimpleNamespace(message=SimpleNamespace(headers=record.headers))))
        for record in _records(_batch(_PLAIN))
    ]
    assert [found[at].headers() for at in (0, 3)] == [[("a", b"1")], None]
    for record in found[1:3]:
        with pytest.raises(PoisonError, match="not UTF-8"):
            record.headers()


class _Consumer:
    """Return records, then waits."""

    def __init__(self, records: list[Any]) -> None:
        self._records = records

    async def getone(self) -> Any:
        if not self._records:
            await asyncio.Event().wait()
        return self._records.pop(0)


def test_a_record_that_cannot_be_taken_ends_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.bus.aio.listener.getone", _Consumer.getone)
    taken: list[int] = []
    done = asyncio.Event()

    def take(record: Any) -> None:
        taken.append(record.offset())
        if record.offset() == 3:
            done.set()
        if any(isinstance(name, UnreadableName) for name, _ in record.headers() or ()):
            raise UnicodeError("a name")

    async def play() -> None:
        listener = AioListener(cast(Any, None), cast(Any, None), ["t"], take)
        task = asyncio.create_task(listener._read(cast(Any, _Consumer(_records(_batch(_PLAIN))))))
        await asyncio.wait_for(done.wait(), 5)
        task.cancel()

    asyncio.run(play())
    assert taken == [0, 1, 2, 3]


def test_the_size_of_a_fetch_is_that_of_its_bytes() -> None:
    data = _batch(_PLAIN)
    assert ReadableRecords(data).size_in_bytes() == len(data)
    assert not ReadableRecords(data[:-1]).has_next()
    assert ReadableRecords(b"").next_batch() is None
