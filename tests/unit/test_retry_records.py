"""Records of the retry topic: each form is written and parsed by its headers."""

import pytest

from onex.bus.memory.log import COMMITTED, MemoryRecord
from onex.wire import headers as h
from onex.wire.record import Emitted
from onex.wire.retry import (
    UNTRIED,
    Attempts,
    Moved,
    Note,
    Placeholder,
    Release,
    Replay,
    RetryRecord,
    moved_record,
    note_record,
    parse,
    placeholder_record,
    release_record,
)
from onex.wire.skip import Skip

_RETRY = "onex.retry.node.v1"
_TRIED = Attempts(count=3, first_failed_ms=1_000, due_ms=9_000)
_SKIP = Skip("g", "t", 0, 5, "why", "ada")


def _read(emitted: Emitted, offset: int = 7) -> MemoryRecord:
    topic, value, key, headers = emitted
    return MemoryRecord(topic, 0, offset, key, value, tuple(headers), 0, COMMITTED)


def _with(*headers: tuple[str, bytes]) -> MemoryRecord:
    return _read((_RETRY, None, b"k", [*headers]))


_INPUT = _read(("onex.cmd.node.do.v1", b"v", b"k", [(h.ID, b"id"), ("shop", b"1"), (h.RETRY_DUE, b"5")]))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (_read(moved_record(_RETRY, _INPUT, b"id", _TRIED)), Moved(_TRIED)),
        (_read(moved_record(_RETRY, _INPUT, b"id", UNTRIED)), Moved(UNTRIED)),
        (_read(placeholder_record(_RETRY, b"k", b"id")), Placeholder(b"id")),
        (_read(note_record(_RETRY, _INPUT, _TRIED)), Note(7, _TRIED)),
        (
            _read(note_record(_RETRY, _INPUT, Attempts(3, 1_000, 9_000, is_dead=True))),
            Note(7, Attempts(3, 1_000, 9_000, is_dead=True)),
        ),
        (_read(release_record(_RETRY, b"k", b"id")), Release(b"id")),
        (_with((h.ID, b"id"), (h.REPLAY_ID, b"r1")), Replay(b"id")),
        (_with((h.ID, b"id")), Replay(b"")),
        (_with(), Replay(b"")),
        (_with(*_SKIP.headers()), _SKIP),
        (_with((h.SKIP, b"no decision"), (h.RELEASE, b"id")), Release(b"id")),
        (_with((h.RETRY_DUE, b"soon"), (h.ATTEMPT, b"-4")), Moved(UNTRIED)),
        (_with((h.RETRY_DUE, b"1"), (h.ATTEMPT, b"9" * 12)), Moved(Attempts(1_000_000, due_ms=1))),
        (_with((h.RETRY_DUE, b"1"), (h.RETRY_OF, b"here")), Note(-1, Attempts(due_ms=1))),
    ],
)
def test_each_form_has_its_headers(record: MemoryRecord, expected: RetryRecord) -> None:
    assert parse(record) == expected
    assert type(parse(record)) is type(expected)


def test_a_moved_record_has_its_origin_and_none_of_the_senders_engine_headers() -> None:
    topic, value, key, headers = moved_record(_RETRY, _INPUT, b"made-up", _TRIED)
    assert (topic, value, key) == (_RETRY, b"v", b"k")
    assert dict(headers) == {
        "shop": b"1",
        h.ID: b"made-up",
        h.ORIGINAL_TOPIC: b"onex.cmd.node.do.v1",
        h.ORIGINAL_OFFSET: b"7",
        h.ORIGINAL_TIME: b"0",
        h.ATTEMPT: b"3",
        h.FIRST_FAILED: b"1000",
        h.RETRY_DUE: b"9000",
    }


def test_a_record_that_moves_again_has_the_origin_of_the_first_move() -> None:
    first = _read(moved_record(_RETRY, _INPUT, b"id", _TRIED), offset=99)
    headers = dict(moved_record(_RETRY, first, b"id", UNTRIED)[3])
    assert (headers[h.ORIGINAL_TOPIC], headers[h.ORIGINAL_OFFSET]) == (b"onex.cmd.node.do.v1", b"7")
