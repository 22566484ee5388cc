"""The compiled codec reads and writes the same bytes as fastavro, and refuses all others with a named error."""

import io
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, create_model, field_validator

from onex.errors import PoisonError, SchemaMismatchError
from onex.model.contract.field_type import DEEPEST_CONTAINERS
from onex.node import Message, RejectedError
from onex.schema import Codec, avro_schema
from onex.schema.avro_schema import Schema
from onex.schema.catalogue import SchemaVersion
from onex.schema.types import UnsupportedTypeError


class Colour(StrEnum):
    """An enum."""

    RED = "red"
    BLUE = "blue"


class Point(Message):
    """A nested model."""

    x: float
    y: float


class Circle(Message):
    """Another one."""

    centre: Point
    radius: float


class Flat(Message, key="name"):
    """Scalars with plain constraints: built without pydantic."""

    name: str = Field(min_length=1)
    count: int = Field(ge=-(2**63), lt=2**63)
    size: float
    good: bool
    raw: bytes
    note: str | None = None


class Deep(Message):
    """All other types: validated by pydantic."""

    colour: Colour
    at: datetime
    day: date
    id: UUID
    price: Decimal = Field(max_digits=12, decimal_places=2)
    tags: list[str]
    pairs: tuple[int, ...]
    scores: dict[str, float]
    shape: Circle | Point
    inner: Point | None = None
    many: list[Point] = []


class FakeCatalogue:
    """Schemas by id, for foreign writers."""

    def __init__(self, schemas: dict[int, Schema]) -> None:
        self.schemas = schemas

    def id_of(self, subject: str, schema: Schema) -> int:
        raise NotImplementedError

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        return {number: self.schemas[number] for number in schema_ids if number in self.schemas}

    def schema_of(self, schema_id: int) -> Schema:
        if schema_id not in self.schemas:
            raise SchemaMismatchError(f"schema id {schema_id} is unknown")
        return self.schemas[schema_id]

    def versions(self, subjects: Sequence[str]) -> dict[str, list[SchemaVersion]]:
        return {subject: [] for subject in subjects}

    def register(self, schemas: Mapping[str, Schema]) -> dict[str, SchemaVersion]:
        raise NotImplementedError


def codec(model: type[Message], schemas: dict[int, Schema] | None = None) -> Codec:
    return Codec(model, 7, FakeCatalogue(schemas or {}))


floats = st.floats(allow_nan=False)
points = st.builds(Point, x=floats, y=floats)
flats = st.builds(
    Flat,
    name=st.text(min_size=1),
    count=st.integers(-(2**63), 2**63 - 1),
    size=floats,
    good=st.booleans(),
    raw=st.binary(),
    note=st.none() | st.text(),
)
deeps = st.builds(
    Deep,
    colour=st.sampled_from(Colour),
    at=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),
    day=st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)),
    id=st.uuids(),
    price=st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    tags=st.lists(st.text(), max_size=300),
    pairs=st.lists(st.integers(-(2**63), 2**63 - 1)).map(tuple),
    scores=st.dictionaries(st.text(), floats),
    shape=points | st.builds(Circle, centre=points, radius=floats),
    inner=st.none() | points,
    many=st.lists(points),
)


def by_fastavro(message: Message) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(avro_schema(type(message))), plain(message))
    return stream.getvalue()


def plain(value: object) -> object:
    """Return a message in fastavro's form: union branches by name."""
    match value:
        case Circle() | Point() as message:
            return (f"onex.{type(message).__name__}", {k: plain(v) for k, v in message.__dict__.items()})
        case Message():
            return {name: plain(item) for name, item in value.__dict__.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case Colour():
            return value.value
        case _:
            return value


@given(flats)
def test_flat_messages_round_trip_and_equal_fastavro(message: Flat) -> None:
    wire = codec(Flat)
    raw = wire.encode(message)
    assert raw[5:] == by_fastavro(message)
    decoded = wire.decode(raw)
    assert decoded == message
    assert decoded.model_fields_set == set(Flat.model_fields)
    assert hash(decoded) == hash(message)


@given(deeps)
def test_deep_messages_round_trip(message: Deep) -> None:
    wire = codec(Deep)
    assert wire.decode(wire.encode(message)) == message


@given(deeps)
def test_deep_messages_can_be_read_by_fastavro(message: Deep) -> None:
    raw = codec(Deep).encode(message)
    data = fastavro.schemaless_reader(io.BytesIO(raw[5:]), fastavro.parse_schema(avro_schema(Deep)), None)
    assert isinstance(data, dict)
    assert data["tags"] == message.tags
    assert data["at"] == message.at
    assert data["price"] == message.price
    assert data["id"] == message.id


@given(st.binary(max_size=60))
def test_any_bytes_give_a_message_or_a_clear_error(garbage: bytes) -> None:
    for model in (Flat, Deep):
        for value in (garbage, b"\x00\x00\x00\x00\x07" + garbage):
            try:
                assert isinstance(codec(model).decode(value), model)
            except (PoisonError, RejectedError, SchemaMismatchError) as error:
                assert str(error)


@given(flats, st.integers(0, 200), st.integers(0, 255))
def test_one_wrong_byte_never_crashes(message: Flat, at: int, byte: int) -> None:
    raw = bytearray(codec(Flat).encode(message))
    raw[at % len(raw)] = byte
    try:
        codec(Flat).decode(bytes(raw))
    except (PoisonError, RejectedError, SchemaMismatchError) as error:
        assert str(error)


def test_truncated_and_trailing_bytes_are_poison() -> None:
    raw = codec(Flat).encode(Flat(name="n", count=1, size=1.0, good=True, raw=b"r"))
    with pytest.raises(PoisonError, match="not Avro of Flat"):
        codec(Flat).decode(raw[:-3])
    with pytest.raises(PoisonError, match="record ends at byte"):
        codec(Flat).decode(raw + b"x")


def test_constraints_hold_without_pydantic() -> None:
    wire = codec(Flat)
    broken = Flat.model_construct(name="", count=1, size=1.0, good=True, raw=b"")
    with pytest.raises(RejectedError, match="name: String should have at least 1 character"):
        wire.decode(wire.encode(broken))


class Checked(Message):
    """Has a validator, so pydantic validates it."""

    name: str

    @field_validator("name")
    @classmethod
    def _not_root(cls, value: str) -> str:
        if value == "root":
            raise ValueError("nobody is root here")
        return value


def test_validators_are_never_bypassed() -> None:
    wire = codec(Checked)
    with pytest.raises(RejectedError, match=r"nobody is \[redacted\] here"):
        wire.decode(wire.encode(Checked.model_construct(name="root")))


def test_json_is_read_on_every_topic() -> None:
    flat = codec(Flat).decode(b'{"name": "n", "count": 1, "size": 2, "good": true, "raw": "eA=="}')
    assert flat == Flat(name="n", count=1, size=2.0, good=True, raw=b"x")


@pytest.mark.parametrize("value", [b"[1, 2]", b'"text"', b"17", b"null"])
def test_json_that_is_no_object_is_rejected(value: bytes) -> None:
    with pytest.raises(RejectedError, match="Input should be an object"):
        codec(Flat).decode(value)


def test_json_of_the_wrong_type_names_every_field_and_no_value() -> None:
    with pytest.raises(RejectedError) as raised:
        codec(Flat).decode(b'{"name": 5, "count": "secret", "size": 1, "good": true, "raw": ""}')
    assert "name: " in str(raised.value)
    assert "count: " in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("value", [None, b""])
def test_tombstones_are_rejected(value: bytes | None) -> None:
    with pytest.raises(RejectedError, match="tombstone"):
        codec(Flat).decode(value)


def test_an_unknown_schema_id_is_a_schema_failure() -> None:
    with pytest.raises(SchemaMismatchError, match="schema id 255 is unknown"):
        codec(Flat).decode(b"\x00\x00\x00\x00\xff\x01")


def test_an_older_writer_is_resolved_by_avros_rules() -> None:
    old: dict[str, Schema] = {
        "type": "record",
        "name": "Flat",
        "namespace": "onex",
        "fields": [
            {"name": "name", "type": "string"},
            {"name": "count", "type": "int"},
            {"name": "dropped", "type": "string"},
            {"name": "size", "type": "double"},
            {"name": "good", "type": "boolean"},
            {"name": "raw", "type": "bytes"},
        ],
    }
    stream = io.BytesIO()
    written = {"name": "n", "count": 3, "dropped": "d", "size": 1.0, "good": True, "raw": b"r"}
    fastavro.schemaless_writer(stream, fastavro.parse_schema(old), written)
    value = b"\x00\x00\x00\x00\x03" + stream.getvalue()
    assert codec(Flat, {3: old}).decode(value) == Flat(name="n", count=3, size=1.0, good=True, raw=b"r")


def test_a_writer_that_cannot_be_resolved_is_a_schema_failure() -> None:
    alien: Schema = {"type": "record", "name": "Alien", "fields": [{"name": "name", "type": "string"}]}
    with pytest.raises(SchemaMismatchError):
        codec(Flat, {3: alien}).decode(b"\x00\x00\x00\x00\x03\x02a")


def test_the_same_schema_under_another_id_is_read_directly() -> None:
    message = Flat(name="n", count=1, size=1.0, good=True, raw=b"r")
    value = b"\x00\x00\x00\x00\x03" + codec(Flat).encode(message)[5:]
    assert codec(Flat, {3: avro_schema(Flat)}).decode(value) == message


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RejectedError, match="Flat: count: a whole number of more than 64 bits"):
        codec(Flat).encode(Flat.model_construct(name="n", count=2**63, size=1.0, good=True, raw=b"", note=None))


def test_types_that_cannot_travel_are_named() -> None:
    class Odd(Message):
        """Has a set."""

        items: set[str]

    with pytest.raises(UnsupportedTypeError, match=r"Odd.items: .* cannot travel"):
        avro_schema(Odd)


def test_the_schema_is_plain_avro() -> None:
    schema = avro_schema(Deep)
    fastavro.parse_schema(dict(schema))
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("container", ["list", "dict", "both"])
@pytest.mark.parametrize(
    "leaf", [str, datetime, UUID, Annotated[Decimal, Field(max_digits=9, decimal_places=2)] | None]
)
def test_containers_in_one_another_have_a_limit_that_can_be_compiled(container: str, leaf: object) -> None:
    kind: object = leaf
    for depth in range(1, DEEPEST_CONTAINERS + 2):
        kind = dict[str, kind] if container == "dict" or (container == "both" and depth % 2) else list[kind]  # type: ignore[valid-type]
        model = create_model("Nested", __base__=Message, field=(kind, ...))
        if depth <= DEEPEST_CONTAINERS:
            assert Codec(model, 7, FakeCatalogue({})).schema_id == 7
            continue
        with pytest.raises(UnsupportedTypeError, match=r"Nested.field: more than 8 lists and maps"):
            avro_schema(model)
