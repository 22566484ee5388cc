"""A value of a supported type is the same after Avro, JSON, stored state and the command line, or all refuse it."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Literal
from uuid import UUID

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from onex.dlq.edit import encoded, exact_json, patched
from onex.errors import PoisonError, SchemaMismatchError
from onex.node import Message, RejectedError
from onex.node.idempotent_result import dump_result, load_result
from onex.schema import Codec, avro_schema
from onex.schema.avro_schema import Schema
from onex.schema.decimals import size_of
from onex.schema.types import UnsupportedTypeError
from tests.unit.test_codec import FakeCatalogue

Money = Annotated[Decimal, Field(max_digits=38, decimal_places=4)]
OWN, FOREIGN = b"\x00\x00\x00\x00\x07", b"\x00\x00\x00\x00\x03"


class Mood(str, Enum):  # noqa: UP042 - its str() is not its value
    GOOD = "good"
    BAD = "bad"


class Size(StrEnum):
    SMALL = "s"


class Plain(Enum):
    ONE = "one"


class Inner(Message):
    amount: Money
    raw: bytes
    ratio: float


class Other(Message):
    title: str
    price: Annotated[Decimal, Field(max_digits=30, decimal_places=10)]


class Everything(Message, key="id"):
    id: UUID
    amount: Money
    whole: Annotated[Decimal, Field(max_digits=40, decimal_places=0)]
    count: int
    ratio: float
    good: bool
    raw: bytes
    text: str
    at: datetime
    day: date
    mood: Mood
    size: Size
    plain: Plain
    kind: Literal["a", "b"]
    inner: Inner
    choice: Inner | Other
    amounts: list[Money]
    table: dict[str, Inner]
    note: Money | None = None
    many: tuple[float, ...] = ()


class Price(Message):
    amount: Money


class Count(Message):
    count: int


class Moment(Message):
    at: datetime


class Ratio(Message):
    ratio: float


def codec(model: type[Message], schemas: dict[int, Schema] | None = None) -> Codec:
    return Codec(model, 7, FakeCatalogue(schemas or {}))


def unchecked(model: type[Message], fields: Mapping[str, object]) -> Message:
    """Return a message that was not validated."""
    return model.model_construct(None, **fields)


def other_writer(message: Message) -> bytes:
    """Return the message, written with another schema of the same fields, which only fastavro reads."""
    return FOREIGN + codec(type(message)).encode(message)[5:]


def read_other(model: type[Message], value: bytes) -> Message:
    schema = avro_schema(model) | {"doc": "of another writer"}
    return codec(model, {3: schema}).decode(value)


def ways(message: Message) -> dict[str, Callable[[], Message]]:
    """Return a function for every path of a message. It returns the message at the end of the path."""
    model, wire = type(message), codec(type(message))
    models = {model.__name__: model}

    def kept_answer() -> Message:
        found = load_result(dump_result(message), models)
        assert isinstance(found, Message)
        return found

    return {
        "avro": lambda: wire.decode(wire.encode(message)),
        "avro of another writer": lambda: read_other(model, other_writer(message)),
        "json": lambda: wire.decode(message.to_stored_json().encode()),
        "kept by a workflow": lambda: model.from_stored_json(message.to_stored_json()),
        "kept answer": kept_answer,
        "edited dead letter": lambda: wire.decode(encoded(wire, patched(exact_json(message.to_stored_json()), {}))),
    }


def same(left: object, right: object) -> bool:
    """Return whether both are equal. NaN equals NaN."""
    return repr(left) == repr(right) or left == right


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**33), max_value=10**33)
wide = st.integers(-(10**38) + 1, 10**38 - 1).map(
    lambda n: Decimal((int(n < 0), Decimal(abs(n)).as_tuple().digits, -4))
)
money = decimals | wide
inners = st.builds(Inner, amount=money, raw=st.binary(max_size=9), ratio=st.floats())
everything = st.builds(
    Everything,
    id=st.uuids(),
    amount=money,
    whole=st.integers(-(10**40) + 1, 10**40 - 1).map(Decimal),
    count=st.integers(-(2**63), 2**63 - 1),
    ratio=st.floats(),
    good=st.booleans(),
    raw=st.binary(max_size=9),
    text=st.text(max_size=9),
    at=st.datetimes(timezones=st.just(UTC)),
    day=st.dates(),
    mood=st.sampled_from(Mood),
    size=st.sampled_from(Size),
    plain=st.sampled_from(Plain),
    kind=st.sampled_from(["a", "b"]),
    inner=inners,
    choice=inners | st.builds(Other, title=st.text(max_size=9), price=st.decimals(0, 10**19, places=10)),
    amounts=st.lists(money, max_size=3),
    table=st.dictionaries(st.text(max_size=3), inners, max_size=2),
    note=st.none() | money,
    many=st.lists(st.floats(), max_size=3).map(tuple),
)


@settings(max_examples=100)
@given(everything)
def test_a_value_is_the_same_whichever_way_it_goes(message: Everything) -> None:
    with localcontext(prec=3):  # no arithmetic of ours uses the context of the thread
        for way, come_back in ways(message).items():
            found = come_back()
            for name in Everything.model_fields:
                assert same(getattr(found, name), getattr(message, name)), (way, name)
            assert found.partition_key() == message.partition_key()


@settings(max_examples=100)
@given(money)
def test_a_number_for_a_decimal_is_read_exactly(amount: Decimal) -> None:
    class Holder(Message):
        amount: Money
        maybe: Money | None
        amounts: list[Money]
        table: dict[str, Money]
        inner: Price
        choice: Price | Count | None

    n = f"{amount:f}"
    text = (
        f'{{"amount": {n}, "maybe": {n}, "amounts": [{n}], "table": {{"a": {n}}}, '
        f'"inner": {{"amount": {n}}}, "choice": {{"amount": {n}}}}}'
    )
    found = codec(Holder).decode(text.encode())
    price = Price(amount=amount)
    assert found == Holder(
        amount=amount, maybe=amount, amounts=[amount], table={"a": amount}, inner=price, choice=price
    )


def test_digits_beyond_a_float_are_not_lost() -> None:
    found = codec(Price).decode(b'{"amount": 12345678901234567.8912}')
    assert found == Price(amount=Decimal("12345678901234567.8912"))
    value = Price(amount=Decimal("1234567890123456789012345678901234.5678"))
    wire = codec(Price)
    assert wire.decode(wire.encode(value)) == value
    assert read_other(Price, other_writer(value)) == value
    edit = patched({"amount": "1"}, {"amount": "12345678901234567.8912"})
    assert wire.decode(encoded(wire, edit)) == found


@pytest.mark.parametrize(
    "text",
    ["1E+34", "1E+999999", "12345678901234567890123456789012345.0", "0.00001", "1E-999999", "NaN", "-Infinity"],
)
def test_a_decimal_that_does_not_fit_is_refused_by_all_alike(text: str) -> None:
    broken = Price.model_construct(amount=Decimal(text))
    with pytest.raises(RejectedError, match=r"^Price: amount: .*decimal\(38, 4\)"):
        codec(Price).encode(broken)
    for given_text in (f'"{text}"', text):
        with pytest.raises((RejectedError, PoisonError)) as raised:
            codec(Price).decode(f'{{"amount": {given_text}}}'.encode())
        assert "amount" in str(raised.value) or isinstance(raised.value, PoisonError)


@pytest.mark.parametrize("text", ["-0", "0E+999999", "0E-999999", "1.50000000", "1E+3"])
def test_another_way_to_write_a_number_is_the_same_number(text: str) -> None:
    value = Price.model_construct(amount=Decimal(text))
    wire = codec(Price)
    assert wire.decode(wire.encode(value)) == value
    assert wire.decode(f'{{"amount": {text}}}'.encode()) == value


def decimal_bytes(raw: bytes) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, "bytes", raw)
    return stream.getvalue()


@pytest.mark.parametrize("size", [17, 18, 1 << 20])
@pytest.mark.parametrize("first", [b"\x7f", b"\x80", b"\x00"])
def test_bytes_longer_than_the_precision_are_refused_before_they_become_digits(size: int, first: bytes) -> None:
    body = decimal_bytes(first + b"\xff" * (size - 1))
    for prefix in (OWN, FOREIGN):
        with pytest.raises(RejectedError, match=rf"^Price: amount: {size} bytes do not fit decimal\(38, 4\)"):
            read_other(Price, prefix + body)


def test_bytes_of_more_digits_than_the_precision_are_refused() -> None:
    for number in (10**38, -(10**38)):
        body = decimal_bytes(number.to_bytes(size_of(38), "big", signed=True))
        for prefix in (OWN, FOREIGN):
            with pytest.raises(RejectedError, match="^Price: amount: more than 38 digits"):
                read_other(Price, prefix + body)


@pytest.mark.parametrize("unscaled", [-12345, 0, 12345, -1])
def test_another_writers_decimal_of_another_scale_is_exact(unscaled: int) -> None:
    shape: Schema = {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}
    writer: Schema = {"type": "record", "name": "Price", "fields": [{"name": "amount", "type": shape}]}
    body = decimal_bytes(unscaled.to_bytes(3, "big", signed=True))
    assert codec(Price, {3: writer}).decode(FOREIGN + body) == Price(amount=Decimal(unscaled).scaleb(-2))


@pytest.mark.parametrize("precision", [0, -1, 100_000, "many", None])
def test_another_writers_decimal_without_a_sound_precision_is_a_schema_failure(precision: Schema) -> None:
    shape: Schema = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": 2}
    writer: Schema = {"type": "record", "name": "Price", "fields": [{"name": "amount", "type": ["null", shape]}]}
    with pytest.raises(SchemaMismatchError, match="Price: amount: a decimal of precision"):
        codec(Price, {3: writer}).decode(FOREIGN + b"\x02\x02\x01")


def test_a_very_long_number_is_refused_and_no_bug() -> None:
    for digits in (1_101, 5_000, 100_000):
        for model, field in ((Price, "amount"), (Count, "count"), (Ratio, "ratio")):
            for text in ("1" * digits, f"1.{'1' * digits}", f'"{"1" * digits}"'):
                try:
                    codec(model).decode(f'{{"{field}": {text}}}'.encode())
                except (RejectedError, PoisonError) as error:
                    assert len(str(error)) < 300
                else:
                    assert model is Ratio, (digits, model, text[:5])


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "1e19", '"9223372036854775808"'])
def test_an_int_of_more_than_64_bits_is_refused_in_json_as_in_avro(text: str) -> None:
    with pytest.raises(RejectedError, match="^Count: count: a whole number of more than 64 bits"):
        codec(Count).decode(f'{{"count": {text}}}'.encode())


@pytest.mark.parametrize(
    ("text", "count"),
    [("12345678901234567.0", 12345678901234567), ("12345678901234567e1", 123456789012345670), ("1e3", 1000)],
)
def test_an_int_written_as_a_float_is_exact(text: str, count: int) -> None:
    assert codec(Count).decode(f'{{"count": {text}}}'.encode()) == Count(count=count)


@pytest.mark.parametrize("text", ["1e999", "-1e999", '"1e999"', "1" * 400])
def test_a_number_too_large_for_a_double_is_not_infinite(text: str) -> None:
    with pytest.raises(RejectedError, match="Ratio: ratio: a number too large for a double"):
        codec(Ratio).decode(f'{{"ratio": {text}}}'.encode())


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_floats_and_nothing_else(text: str) -> None:
    for written in (text, f'"{text}"'):
        found = codec(Ratio).decode(f'{{"ratio": {written}}}'.encode())
        assert same(found, Ratio(ratio=float(text)))
    for model, field in ((Price, "amount"), (Count, "count")):
        with pytest.raises(RejectedError, match=field):
            codec(model).decode(f'{{"{field}": {text}}}'.encode())


def test_a_time_without_a_zone_is_refused_in_json_as_in_avro() -> None:
    wire = codec(Moment)
    with pytest.raises(RejectedError, match="^Moment: at: a time without a time zone"):
        wire.decode(b'{"at": "2026-01-01T00:00:00"}')
    with pytest.raises(RejectedError, match="^Moment: at: a time without a time zone"):
        wire.encode(Moment(at=datetime(2026, 1, 1)))
    with pytest.raises(RejectedError, match="exact to microseconds"):
        wire.decode(b'{"at": "2026-01-01T00:00:00.1234567Z"}')
    india = timezone(timedelta(hours=5, minutes=30))
    assert wire.decode(b'{"at": "2026-01-01T05:30:00.123456000+05:30"}') == Moment(
        at=datetime(2026, 1, 1, 5, 30, 0, 123456, india)
    )


def test_an_unknown_member_of_an_enum_is_refused_by_name_in_avro_as_in_json() -> None:
    class Wide(Message):
        mood: str
        id: str

    class Narrow(Message):
        mood: Mood
        id: UUID

    raw = codec(Wide).encode(Wide(mood="odd", id="no uuid"))
    for value in (raw, b'{"mood": "odd", "id": "no uuid"}'):
        with pytest.raises(RejectedError, match=r"Narrow: mood: Input should be 'good' or 'bad'; id: "):
            codec(Narrow).decode(value)


def test_what_cannot_be_written_is_named_at_any_depth_and_without_its_value() -> None:
    class Deep(Message):
        prices: list[Price]
        table: dict[str, Count]
        mood: Mood | None = None
        choice: Price | Count

    good = Price(amount=Decimal(1))
    large = Price.model_construct(amount=Decimal(10**40))
    count = Count.model_construct(count=2**70)
    sound: dict[str, object] = {"prices": [], "table": {}, "mood": None, "choice": good}
    cases: dict[str, dict[str, object]] = {
        "prices.1.amount: too many digits": sound | {"prices": [good, large]},
        r"table.\[redacted\].count: a whole number": sound | {"table": {"a": count}},
        "choice.count: a whole number": sound | {"choice": count},
        "choice: Moment does not belong here": sound | {"choice": Moment(at=datetime(2026, 1, 1))},
        "mood: str is no Mood": sound | {"mood": "secret"},
        "table: is missing": {name: item for name, item in sound.items() if name != "table"},
        "prices: int does not belong here": sound | {"prices": 5},
    }
    for text, fields in cases.items():
        with pytest.raises(RejectedError, match=f"^Deep: {text}") as raised:
            codec(Deep).encode(unchecked(Deep, fields))
        assert "secret" not in str(raised.value)


def test_bytes_in_json_are_base64() -> None:
    class Blob(Message):
        raw: bytes

    assert (
        codec(Blob).decode(b'{"raw": "//79"}') == codec(Blob).decode(b'{"raw": "__79"}') == Blob(raw=b"\xff\xfe\xfd")
    )
    with pytest.raises(RejectedError, match="Blob: raw: Data should be valid base64"):
        codec(Blob).decode(b'{"raw": "no base64!"}')


def test_types_whose_values_would_not_be_exact_are_named() -> None:
    class Number(IntEnum):
        ONE = 1

    class Loose(BaseModel):
        ratio: float

    class LooseBytes(BaseModel):
        raw: list[bytes] | None

    class One(Message):
        item: str

    class Two(Message):
        item: str
        more: int = 1

    cases: list[tuple[object, str]] = [
        (One | Two, 'JSON of One is also JSON of Two; .*: kind: Literal."One". = "One"'),
        (Two | One | None, "JSON of One is also JSON of Two"),
        (Number, "give the members of Number texts as values"),
        (Loose, "Loose.ratio: derive Loose from Message"),
        (LooseBytes, "LooseBytes.raw: derive LooseBytes from Message"),
        (Annotated[Decimal, Field(max_digits=2, decimal_places=3)], "no more decimal_places"),
        (Annotated[Decimal, Field(max_digits=1001, decimal_places=3)], "1 to 1000 max_digits"),
    ]
    for annotation, text in cases:
        odd = type("Odd", (Message,), {"__annotations__": {"item": annotation}, "__module__": __name__})
        with pytest.raises(UnsupportedTypeError, match=text):
            avro_schema(odd)


def test_models_of_a_union_are_distinguished_by_a_field() -> None:
    class Paid(Message):
        kind: Literal["paid"] = "paid"
        order: str

    class Refunded(Message):
        kind: Literal["refunded"] = "refunded"
        order: str

    class Holder(Message):
        what: Paid | Refunded

    for what in (Paid(order="o"), Refunded(order="o")):
        message = Holder(what=what)
        for way, come_back in ways(message).items():
            assert come_back() == message, way
