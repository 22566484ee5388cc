"""A record with unreadable headers that is as strict as confluent-kafka's: it may be asked for them once."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from unittest.mock import patch

from onex.bus.memory.log import MemoryRecord, PartitionLog
from onex.bus.protocols import Headers

_ASKED_AGAIN: list[str] = []
_VISIBLE = PartitionLog.visible


class UnreadableRecord(MemoryRecord):
    """The first call of ``headers`` raises; what would end the interpreter at the second is noted."""

    error: Exception = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    def headers(self) -> Headers | None:
        if "asked" in self.__dict__:
            _ASKED_AGAIN.append("".join(traceback.format_stack(limit=6)))
        self.__dict__["asked"] = True
        raise self.error


def copy_of(record: MemoryRecord, made: type[MemoryRecord] | None = None) -> MemoryRecord:
    """Return a copy of the record, as another fetch would; or the same record in another class."""
    return (made or type(record))(*[getattr(record, field.name) for field in fields(record)])


def _fetch(log: PartitionLog, start: int, most: int) -> tuple[Sequence[MemoryRecord], int]:
    records, end = _VISIBLE(log, start, most)
    return [copy_of(record) if isinstance(record, UnreadableRecord) else record for record in records], end


@contextmanager
def asked_once() -> Iterator[None]:
    """Within it, every fetch returns fresh copies, and the test fails when one is asked for its headers twice."""
    _ASKED_AGAIN.clear()
    with patch.object(PartitionLog, "visible", _fetch):
        yield
    check_asked_once()


def check_asked_once() -> None:
    """Fail if a record was asked again since the last look."""
    asked, _ASKED_AGAIN[:] = list(_ASKED_AGAIN), []
    assert not asked, asked[0]
