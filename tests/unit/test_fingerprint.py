"""Fingerprints of failures: one for each cause, whatever the message was."""

import errno
from collections.abc import Callable
from typing import Annotated

import pytest
from pydantic import Field

from onex.agent.failure.cause import without_values
from onex.agent.failure.classify import Classifier, Failure
from onex.errors import RejectedError, TransientError
from onex.model.enums import EnumFailureClass, EnumStage
from onex.node import Message
from onex.schema import Codec
from tests.unit.test_codec import FakeCatalogue


class Line(Message):
    sku: str
    price: Annotated[int, Field(gt=0)]


class Order(Message):
    order_id: str
    lines: list[Line] = []


class HttpError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"error '{status}' for url 'https://bank/{status}'")
        self.status_code = status


class UnreadableError(Exception):
    @property
    def code(self) -> str:
        raise SystemExit(3)


def decode(text: bytes | None) -> Callable[[], object]:
    return lambda: Codec(Order, 7, FakeCatalogue({})).decode(text)


def refuse(reason: str, kind: type[Exception] = RejectedError) -> Callable[[], object]:
    def fail() -> None:
        raise kind(reason)

    return fail


def look_up(table: dict[str, int], key: str) -> Callable[[], object]:
    return lambda: table[key]


def first(table: dict[str, int]) -> int:
    return table["a"]


def two_places(table: dict[str, int], second: bool) -> Callable[[], object]:
    def fail() -> int:
        if second:
            return first(table) + 1
        return first(table)

    return fail


def deep(depth: int) -> Callable[[], object]:
    def fail(left: int) -> None:
        if left:
            fail(left - 1)
        raise RejectedError("too deep")

    return lambda: fail(depth)


def wrapped(inner: Exception) -> Callable[[], object]:
    def fail() -> None:
        try:
            raise inner
        except Exception as error:
            raise TransientError("the bank is down") from error

    return fail


def group(*inner: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise ExceptionGroup("tasks", inner)

    return fail


def fingerprint(failing: Callable[[], object], stage: EnumStage = EnumStage.HANDLER) -> str:
    try:
        failing()
    except Exception as error:  # noqa: BLE001 - what fails is the subject
        return Failure(Classifier().classify(error), stage, error).fingerprint
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            decode(b'{"order_id": "a", "lines": [{"sku": "x"}]}'),
            decode(b'{"order_id": "b", "lines": [{"sku": "y"}]}'),
        ),
        (
            decode(b'{"order_id": "a", "lines": [{"sku": "x", "price": 0}]}'),
            decode(b'{"order_id": "a", "lines": [{"sku": "x", "price": 1}, {"sku": "y", "price": -7}]}'),
        ),
        (
            decode(b'{"order_id": "a", "lines": [{"sku": "x", "price": 0}]}'),
            decode(b'{"order_id": "a", "lines": [{"sku": "x", "price": 0}, {"sku": "y", "price": 0}]}'),
        ),
        (refuse("order o-1 has 3 lines"), refuse("order o-22 has 17 lines")),
        (refuse("no customer 'ann'"), refuse("""no customer "O'Brien" """.strip())),
        (refuse("no customer 'ann'"), refuse("no customer 'O'Brien'")),
        (refuse("the customer's 'a' can't be found"), refuse("the customer's 'b c' can't be found")),
        (refuse("run 550e8400-e29b-41d4-a716-446655440000"), refuse("run deadbeef")),
        (refuse("at 2026-11-14T22:13:20Z: 1e+20 > -1.5"), refuse("at 2025-01-01T00:00:00.5+01:00: 7 > 3")),
        (refuse("broker 10.0.0.1:9092 is gone"), refuse("broker 10.11.0.12:19092 is gone")),
        (refuse("GET https://bank/pay/a?x=y failed"), refuse("GET http://10.1.1.1/pay/b failed")),
        (refuse("mail to ann@x.org refused"), refuse("mail to bob.b+1@y.example.com refused")),
        (refuse("duplicate\nDETAIL: Key (name)=(ann)"), refuse("duplicate\nDETAIL: Key (name)=(bob)")),
        (refuse("<Order object at 0x7f001122aa>"), refuse("<Order object at 0x7f99>")),
        (look_up({}, "ann"), look_up({}, "bob")),
        (deep(2), deep(40)),
        (group(KeyError("a")), group(KeyError("b"))),
        (wrapped(TimeoutError("after 5 s")), wrapped(TimeoutError("after 61.5 s"))),
        (lambda: 1 // 0, lambda: 1 // 0),
    ],
)
def test_what_differs_from_message_to_message_does_not_split_a_cause(
    one: Callable[[], object], other: Callable[[], object]
) -> None:
    assert len({fingerprint(failing) for failing in (one, other)}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (decode(b'{"lines": []}'), decode(b'{"order_id": "a", "gift_note": "x"}')),
        (decode(b'{"lines": []}'), decode(None)),
        (decode(b'{"order_id": "a", "gift_note": "x"}'), decode(None)),
        (decode(b'{"order_id": "a", "gift_note": "x"}'), decode(b'{"order_id": "a", "vat": "x"}')),
        (
            decode(b'{"order_id": "a", "lines": [{"price": 1}]}'),
            decode(b'{"order_id": "a", "lines": [{"sku": "x"}]}'),
        ),
        (decode(b'{"order_id": "a", "lines": [{"sku": "x", "price": 0}]}'), decode(b'{"order_id": 1, "lines": []}')),
        (decode(b"{junk"), decode(b"\x00\x00\x00\x00\x09junk")),
        (refuse("card expired"), refuse("insufficient funds")),
        (refuse("card expired"), refuse("card expired", ValueError)),
        (refuse("x", KeyError), refuse("x", IndexError)),
        (two_places({}, False), two_places({}, True)),
        (wrapped(TimeoutError()), wrapped(ConnectionRefusedError())),
        (group(KeyError("a")), group(ValueError("a"))),
        (refuse("failed", RuntimeError), wrapped(RuntimeError("failed"))),
    ],
)
def test_different_causes_have_different_fingerprints(one: Callable[[], object], other: Callable[[], object]) -> None:
    assert len({fingerprint(failing) for failing in (one, other)}) == 2


def test_codes_are_causes() -> None:
    def fail(error: Exception) -> Callable[[], object]:
        def raising() -> None:
            raise error

        return raising

    errors = [HttpError(404), HttpError(500), OSError(errno.ENOSPC, "x"), OSError(errno.EACCES, "x")]
    assert len({fingerprint(fail(error)) for error in errors}) == 4
    assert fingerprint(fail(HttpError(404))) == fingerprint(fail(HttpError(404)))


def test_stage_and_class_are_part_of_the_cause() -> None:
    kinds = (EnumFailureClass.BUG, EnumFailureClass.CRASH)
    stages = (EnumStage.HANDLER, EnumStage.ENCODE)
    assert len({Failure(kind, stage, ValueError("x")).fingerprint for kind in kinds for stage in stages}) == 4


def test_an_exception_that_cannot_be_read_has_a_fingerprint() -> None:
    odd = [UnreadableError("x"), ValueError("\ud800"), RecursionError()]
    odd[2].__cause__ = odd[2]
    assert len({fingerprint(refuse("", lambda _, error=each: error)) for each in odd}) == 3  # type: ignore[arg-type]


def test_long_texts_cost_little() -> None:
    for hostile in ("'" * 5000, "a" * 5000, "-" * 5000, "'a" * 2500, "x@" * 2500, "a://" * 1250, "1.-" * 2000):
        assert len(without_values(hostile)) <= 1000
