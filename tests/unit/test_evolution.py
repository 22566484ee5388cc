"""Message types may change as documented: old records, new readers, and the schemas of other writers."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, cast
from uuid import UUID, uuid4

import fastavro
import pytest
from pydantic import Field
from pydantic.fields import FieldInfo

from onex.errors import SchemaMismatchError
from onex.node import Message, RejectedError
from onex.schema import Codec, avro_schema, canonical
from onex.schema.avro_schema import Schema
from onex.schema.foreign import AvroSchema
from onex.schema.types import UnsupportedTypeError
from tests.unit.test_codec import FakeCatalogue
from tests.unit.test_contract import MODELS, make_node, resolve_problems

OLD = b"\x00\x00\x00\x00\x03"
Money = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Lenient(StrEnum):
    RED = "red"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Lenient":
        return cls.OTHER


class Town(Message):
    name: str = "here"
    zip_code: str | None = None


class Coin(Message):
    kind: Literal["coin"] = "coin"
    worth: Money


class Note(Message):
    kind: Literal["note"] = "note"
    text: str


class Old(Message):
    id: str


def codec(model: type[Message], schemas: dict[int, Schema] | None = None) -> Codec:
    return Codec(model, 7, FakeCatalogue(schemas or {}))


def with_field(annotation: object, default: object) -> type[Message]:
    """Return the type ``Old`` with one more field."""
    fields: dict[str, object] = {"__annotations__": {"id": str, "added": annotation}, "__module__": __name__}
    return type("Old", (Message,), fields | {"added": default})


def written(schema: Schema, data: object) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(cast(AvroSchema, schema)), data)
    return OLD + stream.getvalue()


def read(model: type[Message], schema: Schema, data: object) -> Message:
    return codec(model, {3: schema}).decode(written(schema, data))


def record(name: str, *fields: Schema, **more: Schema) -> dict[str, Schema]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, kind: Schema, **more: Schema) -> dict[str, Schema]:
    return {"name": name, "type": kind, **more}


DEFAULTS: dict[str, tuple[object, object, Schema]] = {
    "str": (str, "x", "x"),
    "int": (int, -5, -5),
    "float": (float, 0.5, 0.5),
    "float of a whole number": (float, 3, 3),
    "bool": (bool, True, True),
    "decimal": (Money, Decimal("-1.50"), "ÿj"),
    "decimal zero": (Money, Decimal(0), "\x00"),
    "datetime": (datetime, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1_000_000),
    "date": (date, date(1970, 1, 3), 2),
    "bytes": (bytes, b"\x00\xffA", "\x00ÿA"),
    "uuid": (UUID, UUID(int=5), str(UUID(int=5))),
    "enum": (Colour, Colour.BLUE, "blue"),
    "literal": (Literal["a", "b"], "b", "b"),
    "model": (Town, Town(name="there", zip_code="1"), {"name": "there", "zip_code": "1"}),
    "union of models": (Coin | Note, Note(text="t"), {"kind": "note", "text": "t"}),
    "optional union of models": (Coin | Note | None, Note(text="t"), {"kind": "note", "text": "t"}),
    "optional union, None": (Coin | Note | None, None, None),
    "list": (list[int], [1, 2], [1, 2]),
    "list of decimals": (list[Money], [Decimal("0.01")], ["\x01"]),
    "list of optionals": (list[int | None], [1, None], [1, None]),
    "tuple": (tuple[date, ...], (date(1970, 1, 2),), [1]),
    "dict": (dict[str, Town], {"a": Town()}, {"a": {"name": "here", "zip_code": None}}),
    "optional, None": (int | None, None, None),
    "optional with a value": (int | None, 5, 5),
    "optional decimal with a value": (Money | None, Decimal("0.01"), "\x01"),
    "optional list with a value": (list[str] | None, ["a"], ["a"]),
    "optional model with a value": (Town | None, Town(), {"name": "here", "zip_code": None}),
    "list factory": (list[int], Field(default_factory=list), []),
    "dict factory": (dict[str, int], Field(default_factory=dict), {}),
    "model factory": (Town, Field(default_factory=Town), {"name": "here", "zip_code": None}),
    "factory of a filled list": (list[str], Field(default_factory=lambda: ["a"]), ["a"]),
    "factory of a constant": (str, Field(default_factory=str), ""),
}


@pytest.mark.parametrize("case", DEFAULTS)
def test_a_field_with_any_default_is_new_to_old_records(case: str) -> None:
    annotation, default, form = DEFAULTS[case]
    new = with_field(annotation, default)
    schema = cast(dict[str, list[dict[str, Schema]]], avro_schema(new))
    added = schema["fields"][1]
    assert added["default"] == form
    assert canonical(avro_schema(new)) == canonical(avro_schema(new))
    if isinstance(added["type"], list):
        assert (added["type"][0] == "null") == (form is None)
    message = codec(new, {3: avro_schema(Old)}).decode(codec(Old).encode(Old(id="o")).replace(b"\x07", b"\x03", 1))
    assert message == new.model_validate({"id": "o"})
    wire = codec(new)
    assert wire.decode(wire.encode(message)) == message


@pytest.mark.parametrize("value", [None, 4, 5])
def test_an_optional_field_with_a_value_goes_both_ways(value: int | None) -> None:
    first, last = with_field(int | None, None), with_field(int | None, 5)
    for writer, reader in ((first, last), (last, first)):
        message = writer.model_validate({"id": "o", "added": value})
        wire = codec(writer)
        assert wire.decode(wire.encode(message)) == message
        raw = OLD + wire.encode(message)[5:]
        assert codec(reader, {3: avro_schema(writer)}).decode(raw) == reader.model_validate(
            {"id": "o", "added": value}
        )


@pytest.mark.parametrize("value", [None, Coin(worth=Decimal(1)), Note(text="t")])
def test_an_optional_union_with_a_value_goes_both_ways(value: Message | None) -> None:
    first, last = with_field(Coin | Note | None, None), with_field(Coin | Note | None, Note(text="d"))
    for writer, reader in ((first, last), (last, first)):
        wire = codec(writer)
        message = writer.model_validate({"id": "o", "added": value})
        assert wire.decode(wire.encode(message)) == message
        raw = OLD + wire.encode(message)[5:]
        assert codec(reader, {3: avro_schema(writer)}).decode(raw) == reader.model_validate(
            {"id": "o", "added": value}
        )


def test_a_default_of_a_container_is_no_common_object() -> None:
    new = with_field(list[int], Field(default_factory=list))
    wire = codec(new, {3: avro_schema(Old)})
    raw = written(avro_schema(Old), {"id": "o"})
    one, other = vars(wire.decode(raw))["added"], vars(wire.decode(raw))["added"]
    one.append(1)
    assert other == [] == vars(wire.decode(raw))["added"]


class Nested(Message):
    town: Town


def test_a_nested_model_may_gain_fields() -> None:
    old = record("Nested", field("town", record("Town", field("name", "string"))), namespace="onex")
    assert read(Nested, old, {"town": {"name": "n"}}) == Nested(town=Town(name="n"))


NO_CONSTANTS: dict[str, tuple[object, Callable[[], object]]] = {
    "a time": (datetime, lambda: datetime.now(UTC)),
    "today": (date, date.today),
    "a UUID": (UUID, uuid4),
    "a text of its own": (str, lambda: "x"),
    "a list with a time": (list[date], lambda: [date.today()]),
    "a model with a time": (Town, lambda: Town(name=str(uuid4()))),
}


@pytest.mark.parametrize("case", NO_CONSTANTS)
def test_a_factory_that_makes_no_constant_is_refused_with_the_remedy(case: str) -> None:
    annotation, factory = NO_CONSTANTS[case]
    with pytest.raises(
        UnsupportedTypeError, match=r"^Old.added: its default_factory .*write a constant default, or "
    ):
        avro_schema(with_field(annotation, Field(default_factory=factory)))


def test_a_factory_that_needs_other_fields_is_refused() -> None:
    info = cast(FieldInfo, Field(default_factory=lambda data: [data["id"]]))
    with pytest.raises(UnsupportedTypeError, match=r"Old.added: its default_factory depends on other fields"):
        avro_schema(with_field(list[str], info))


NO_DEFAULTS: dict[str, tuple[object, object, str]] = {
    "another type": (str, None, "NoneType is no str"),
    "a naive time": (datetime, datetime(2026, 1, 1), "time zone"),
    "too many places": (Money, Decimal("0.001"), "decimal"),
    "not finite": (float, float("inf"), "not finite"),
    "too large": (int, 2**63, "64 bits"),
    "a bool as a number": (int, True, "bool is no int"),
    "in a list": (list[int], ["a"], "str is no int"),
    "breaks a constraint": (Annotated[str, Field(min_length=1)], "", "at least 1 character"),
}


@pytest.mark.parametrize("case", NO_DEFAULTS)
def test_a_default_that_is_no_value_of_its_type_is_refused(case: str) -> None:
    annotation, default, reason = NO_DEFAULTS[case]
    with pytest.raises(UnsupportedTypeError, match=rf"^Old.added: its default .*{reason}"):
        avro_schema(with_field(annotation, default))


# Schemas of other writers


class Payment(Message):
    amount: Money
    colour: Colour = Colour.RED
    town: Town | None = None
    raw: bytes = b""
    many: list[Colour] = []


DECIMAL: Schema = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
FIXED: Schema = {"type": "fixed", "name": "Sum", "size": 16, "logicalType": "decimal", "precision": 10, "scale": 2}
ENUM: Schema = {"type": "enum", "name": "Paint", "symbols": ["green", "blue"]}


@pytest.mark.parametrize("unscaled", [0, 1, -1, 127, 128, -129, 10**10 - 1, -(10**10) + 1])
@pytest.mark.parametrize("optional", [False, True])
def test_a_decimal_as_fixed_is_exact(unscaled: int, optional: bool) -> None:
    writer = record("Payment", field("amount", ["null", FIXED] if optional else FIXED), namespace="shop")
    body = (b"\x02" if optional else b"") + unscaled.to_bytes(16, "big", signed=True)
    assert codec(Payment, {3: writer}).decode(OLD + body) == Payment(amount=Decimal(unscaled).scaleb(-2))


def test_a_fixed_beyond_its_precision_is_refused() -> None:
    writer = record("Payment", field("amount", FIXED))
    for number in (10**10, -(10**10), 2**126):
        with pytest.raises(RejectedError, match="Payment: amount: "):
            codec(Payment, {3: writer}).decode(OLD + number.to_bytes(16, "big", signed=True))


def test_a_type_of_a_writer_may_be_used_again_by_name() -> None:
    writer = record(
        "Payment", field("amount", DECIMAL), field("colour", ENUM), field("many", {"type": "array", "items": "Paint"})
    )
    data = {"amount": Decimal(1), "colour": "blue", "many": ["blue", "blue"]}
    expected = Payment(amount=Decimal(1), colour=Colour.BLUE, many=[Colour.BLUE, Colour.BLUE])
    assert read(Payment, writer, data) == expected
    writer["namespace"] = "shop.paint"
    assert read(Payment, writer, data) == expected


def test_a_record_of_a_writer_may_be_used_again_by_name_where_none_is_allowed() -> None:
    town = record("Stadt", field("name", "string"), namespace="de")
    writer = record("Trip", field("start", town), field("end", "de.Stadt"), field("back", ["null", "de.Stadt"]))
    data = {"start": {"name": "a"}, "end": {"name": "b"}, "back": {"name": "c"}}
    assert read(Trip, writer, data) == Trip(end=Town(name="b"), back=Town(name="c"))


class Tree(Message):
    leaf: str
    children: list["Tree"] = []


def test_a_record_within_itself_is_resolved() -> None:
    node = record("Baum", field("leaf", "string"), field("children", {"type": "array", "items": "Baum"}))
    data = {"leaf": "a", "children": [{"leaf": "b", "children": [{"leaf": "c", "children": []}]}]}
    assert read(Tree, node, data) == Tree.model_validate(data)


class Trip(Message):
    end: Town | None
    back: Town | None = None


def test_a_fixed_is_read_as_bytes() -> None:
    writer = record("Payment", field("amount", DECIMAL), field("raw", {"type": "fixed", "name": "Raw", "size": 2}))
    assert read(Payment, writer, {"amount": Decimal(1), "raw": b"ab"}) == Payment(amount=Decimal(1), raw=b"ab")


def test_a_symbol_that_no_member_has_is_refused_and_named() -> None:
    writer = record("Payment", field("amount", DECIMAL), field("colour", ENUM))
    with pytest.raises(RejectedError, match="Payment: colour: Input should be 'red' or 'blue'"):
        read(Payment, writer, {"amount": Decimal(1), "colour": "green"})


@pytest.mark.parametrize("optional", [False, True])
def test_a_record_of_another_name_is_what_its_topic_says(optional: bool) -> None:
    town = record("Stadt", field("name", "string"), namespace="de")
    writer = record("Zahlung", field("amount", DECIMAL), field("town", ["null", town] if optional else town))
    expected = Payment(amount=Decimal(1), town=Town(name="n"))
    assert read(Payment, writer, {"amount": Decimal(1), "town": {"name": "n"}}) == expected


class Pair(Message):
    one: Town
    two: Town
    choice: Coin | Note | None = None


def test_records_of_a_union_go_by_their_names() -> None:
    note = record("Note", field("kind", "string"), field("text", "string"), namespace="shop")
    town = record("Stadt", field("name", "string"))
    other = record("Ort", field("name", "string"))
    writer = record("Pair", field("one", town), field("two", other), field("choice", ["null", note]))
    data = {"one": {"name": "a"}, "two": {"name": "b"}, "choice": {"kind": "note", "text": "t"}}
    assert read(Pair, writer, data) == Pair(one=Town(name="a"), two=Town(name="b"), choice=Note(text="t"))
    note["name"] = "Zettel"
    with pytest.raises(SchemaMismatchError, match="schema 3 does not resolve to Pair"):
        read(Pair, writer, data)


def test_aliases_of_a_writers_fields_count() -> None:
    writer = record("Payment", field("total", DECIMAL, aliases=["sum", "amount"]))
    assert read(Payment, writer, {"total": Decimal(1)}) == Payment(amount=Decimal(1))
    writer = record("Payment", field("total", DECIMAL, aliases=["amount"]), field("amount", DECIMAL))
    assert read(Payment, writer, {"total": Decimal(2), "amount": Decimal(1)}) == Payment(amount=Decimal(1))


class Moments(Message):
    text: str = ""
    number: int = 0
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    day: date = date(2026, 1, 1)
    id: UUID = UUID(int=1)


@pytest.mark.parametrize(
    ("name", "kind", "data", "value"),
    [
        ("text", {"type": "string", "logicalType": "uuid"}, str(UUID(int=7)), str(UUID(int=7))),
        ("number", {"type": "long", "logicalType": "timestamp-micros"}, 7, 7),
        ("number", {"type": "int", "logicalType": "date"}, 7, 7),
        ("at", "long", 1_000_000, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("at", {"type": "long", "logicalType": "timestamp-millis"}, 1_000, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("day", "int", 1, date(1970, 1, 2)),
        ("id", "string", str(UUID(int=7)), UUID(int=7)),
    ],
)
def test_the_readers_logical_type_counts(name: str, kind: Schema, data: object, value: object) -> None:
    for wrapped in (kind, ["null", kind]):
        assert vars(read(Moments, record("Moments", field(name, wrapped)), {name: data}))[name] == value


def test_a_local_time_of_another_writer_is_refused() -> None:
    writer = record("Moments", field("at", {"type": "long", "logicalType": "local-timestamp-micros"}))
    with pytest.raises(
        SchemaMismatchError, match="schema 3: Moments: at: local-timestamp-micros of the writer is no"
    ):
        codec(Moments, {3: writer}).decode(OLD + b"\x02")


@pytest.mark.parametrize("broken", ["nothing", {"type": "record"}, record("X", field("a", "Unknown")), {}, 5, None])
def test_a_schema_that_is_none_is_a_schema_failure(broken: Schema) -> None:
    with pytest.raises(SchemaMismatchError, match="schema 3"):
        codec(Old, {3: broken}).decode(OLD + b"\x02a")


def test_an_unknown_text_of_an_enum_becomes_its_fallback() -> None:
    new = with_field(Lenient, Lenient.RED)
    writer = record("Old", field("id", "string"), field("added", "string"), namespace="onex")
    assert vars(read(new, writer, {"id": "o", "added": "green"}))["added"] is Lenient.OTHER
    assert vars(codec(new).decode(b'{"id": "o", "added": "green"}'))["added"] is Lenient.OTHER
    kind = json.loads(canonical(avro_schema(new)))["fields"][1]["type"]
    assert kind == {"type": "string", "onex-symbols": ["red", "other"], "onex-fallback": "other"}


def test_validation_names_the_factory_and_the_remedy(tmp_path: Path) -> None:
    field_text = "    at: datetime = Field(default_factory=lambda: datetime.now(UTC))"
    imports = "from datetime import UTC, datetime\n\nfrom pydantic import Field\n\n"
    models = imports + MODELS.replace('"""Say."""\n', f'"""Say."""\n\n{field_text}')
    told = resolve_problems(make_node(tmp_path, "factory", models=models))
    assert "contract.yaml:1: definitions.models.Say.fields.at: models/: Say.at: its default_factory may" in told
    assert "write a constant default" in told
