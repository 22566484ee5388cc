"""``onex plan`` predicts what readers do: new readers read the old records of every change that it allows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from onex.errors import MessageError
from onex.node import Message, RejectedError
from onex.schema import Codec, avro_schema
from onex.schema.compatibility import described
from tests.unit.test_codec import FakeCatalogue


class Small(StrEnum):
    RED = "red"


class Large(StrEnum):
    RED = "red"
    GREEN = "green"


class Open(StrEnum):
    RED = "red"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Open":
        return cls.OTHER


class Part(Message):
    a: str = "p"


class Wide(Message):
    a: str = "w"
    b: int = 1


def decimal(digits: int, places: int) -> object:
    return Annotated[Decimal, Field(max_digits=digits, decimal_places=places)]


AT = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: list[tuple[object, object]] = [
    (str, "s"),
    (str | None, None),
    (str | None, "s"),
    (int, 3),
    (int | None, 3),
    (float, 0.5),
    (bool, True),
    (bytes, b"\xff"),
    (bytes | None, b"\xff"),
    (decimal(6, 2), Decimal("9999.99")),
    (decimal(8, 4), Decimal("9999.9999")),
    (decimal(8, 2), Decimal("999999.99")),
    (datetime, AT),
    (datetime | None, AT),
    (date, date(2026, 1, 1)),
    (UUID, UUID(int=9)),
    (Small, Small.RED),
    (Large, Large.GREEN),
    (Open, Open.OTHER),
    (Literal["red", "green"], "green"),
    (Part, Part(a="x")),
    (Wide, Wide(a="x", b=2)),
    (Part | None, Part()),
    (list[int], [1]),
    (list[float], [1.0]),
    (dict[str, Small], {"k": Small.RED}),
    (dict[str, Large], {"k": Large.GREEN}),
]


def model(fields: dict[str, tuple[object, object]]) -> type[Message]:
    annotations = {"id": str, **{name: kind for name, (kind, _) in fields.items()}}
    defaults = {name: default for name, (_, default) in fields.items()}
    return type("Thing", (Message,), {"__annotations__": annotations, "__module__": __name__, **defaults})


def moved(writer: type[Message], reader: type[Message], data: dict[str, object]) -> Message:
    message = writer.model_validate({"id": "i", **data})
    raw = Codec(writer, 3, FakeCatalogue({})).encode(message)
    return Codec(reader, 7, FakeCatalogue({3: avro_schema(writer)})).decode(raw)


models = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(KINDS), max_size=3)


@settings(max_examples=80, deadline=None)
@given(models, models)
def test_what_the_rule_allows_is_read(
    old: dict[str, tuple[object, object]], new: dict[str, tuple[object, object]]
) -> None:
    before, after = model(old), model(new)
    plan = described(avro_schema(after), avro_schema(before))
    if not plan.startswith("compatible") or "with any value but" in plan:
        return
    message = vars(moved(before, after, {}))
    for name, (_, default) in new.items():
        if name not in old:
            assert message[name] == default


@pytest.mark.parametrize("at", range(len(KINDS)))
def test_each_pair_of_types_that_the_rule_allows_is_read(at: int) -> None:
    for kind in KINDS:
        before, after = model({"a": KINDS[at]}), model({"a": kind})
        # A plain text may be unknown to an enum: the plan reports it, and does not refuse the change.
        plan = described(avro_schema(after), avro_schema(before))
        if plan.startswith("compatible") and "with any value but" not in plan:
            moved(before, after, {})


def predicted(old: tuple[object, object], new: tuple[object, object]) -> tuple[str, str]:
    """Return how new readers read old records, and old readers new ones."""
    before, after = avro_schema(model({"a": old})), avro_schema(model({"a": new}))
    return described(after, before), described(before, after)


def test_a_new_member_is_refused_by_old_readers_and_an_old_one_by_new() -> None:
    small, large = (Small, Small.RED), (Large, Large.RED)
    refused = "dead letters: a with 'green' is refused"
    assert predicted(small, large) == ("compatible", refused)
    assert predicted(large, small) == (refused, "compatible")
    with pytest.raises(RejectedError, match="Thing: a: Input should be 'red'"):
        moved(model({"a": large}), model({"a": small}), {"a": Large.GREEN})


def test_an_enum_with_a_fallback_reads_every_text() -> None:
    large, lenient = (Large, Large.RED), (Open, Open.RED)
    assert predicted(lenient, large) == (
        "dead letters: a with 'other' is refused",
        "compatible; a with 'green' read as 'other'",
    )
    assert vars(moved(model({"a": large}), model({"a": lenient}), {"a": Large.GREEN}))["a"] is Open.OTHER


def test_nested_fields_are_named_by_their_path() -> None:
    class Part(Message):  # the same type in its next version
        a: str = "p"
        b: int = 1

    fresh = (Part, Part())
    before, after = model({"a": (list[KINDS[20][0]], [])}), model({"a": (list[Part], [])})  # type: ignore[misc]
    assert described(avro_schema(after), avro_schema(before)) == "compatible; default used for a.b"
    assert described(avro_schema(before), avro_schema(after)) == "compatible; a.b ignored"
    assert fresh


def test_reasons_for_dead_letters_are_named() -> None:
    class Thing(Message):
        id: str
        must: int

    before = avro_schema(model({}))
    assert described(avro_schema(Thing), before) == "dead letters: must (at /fields/1)"
    assert described(before, avro_schema(Thing)) == "compatible; must ignored"
    with pytest.raises(MessageError, match="must"):
        moved(model({}), Thing, {})
    assert predicted((decimal(8, 4), Decimal(1)), (decimal(6, 2), Decimal(1)))[0].startswith(
        "dead letters: a: a decimal of fewer digits or places"
    )
    assert predicted((int, 1), (datetime, AT))[0] == "dead letters: a: long is no timestamp-micros"
