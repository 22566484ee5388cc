"""Schemas of others with which a few bytes would be endless work, or would end the process."""

import io

import fastavro
import pytest
from pydantic import JsonValue

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import TopicState
from onex.errors import PoisonError, SchemaMismatchError
from onex.model.message import Message
from onex.schema import Codec
from onex.schema.hazards import is_recursive
from onex.schema.resolving import missing_fields
from onex.schema.topic_catalogue import TopicCatalogue


class Part(Message):
    """A part of a product."""

    x: int


class Nest(Message):
    """A record within itself, in the schema of the mesh."""

    x: int
    inner: "Nest | None" = None


def record(*types: JsonValue, name: str = "a.R") -> dict[str, JsonValue]:
    fields: list[JsonValue] = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


WITHIN: JsonValue = {
    "type": "record",
    "name": "com.shop.Part",
    "fields": [{"name": "x", "type": "int"}, {"name": "parts", "type": {"type": "array", "items": "Part"}}],
}


ALL: dict[str, JsonValue] = {"type": "record", "name": "E"}
ONE: dict[str, JsonValue] = {"fields": [{"name": "x", "type": "int"}]}


def codec_and_id(schema: JsonValue) -> tuple[Codec, int]:
    bus = MemoryEventBus(MemoryBroker(lambda: 0))
    bus.admin.create([TopicState("_schemas", 1, 1, {})])
    catalogue = TopicCatalogue(bus)
    return Codec(Part, 99, catalogue), catalogue.register({"theirs": schema})["theirs"].id


def test_a_deep_record_within_itself_is_refused_and_does_not_end_the_process() -> None:
    codec, number = codec_and_id(WITHIN)
    prefix = b"\x00" + number.to_bytes(4, "big")
    assert codec.decode(prefix + b"\x02\x02\x04\x00\x00") == Part(x=1)
    with pytest.raises(PoisonError):
        codec.decode(prefix + b"\x02\x02" * 100_000 + b"\x02\x00")
    body = io.BytesIO()
    nested = {"x": 3, "parts": [{"x": 4, "parts": []}]}
    fastavro.schemaless_writer(body, WITHIN, nested)  # type: ignore[arg-type]  # any JSON
    assert codec.decode(prefix + body.getvalue()) == Part(x=3)


def test_a_deep_message_within_itself_is_poison() -> None:
    codec = Codec(Nest, 1, codec_and_id(WITHIN)[0]._catalogue)
    assert codec.decode(b"\x00\x00\x00\x00\x01\x02\x02\x04\x00") == Nest(x=1, inner=Nest(x=2))
    with pytest.raises(PoisonError):
        codec.decode(b"\x00\x00\x00\x00\x01" + b"\x02\x02" * 100_000 + b"\x02\x00")


def test_a_list_of_items_without_bytes_is_refused() -> None:
    codec, number = codec_and_id(record("int", {"type": "array", "items": "null"}))
    with pytest.raises(SchemaMismatchError, match="schema 1: a.R: f1: a list of items without bytes"):
        codec.decode(b"\x00" + number.to_bytes(4, "big") + b"\x02\xfe\xff\xff\xff\xff\xff\xff\x7f")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (WITHIN, True),
        (record(["null", "R"]), True),
        (record(["null", "a.R"]), True),
        (record({"type": "map", "values": {"type": "R"}}), True),
        (record(record("string", name="S"), "a.S"), False),
        (record({"type": ["null", "int"]}, {"type": {"type": "string"}}), False),
        (record(*["null"] * 90), False),
        (record({"type": "enum", "name": "E", "symbols": ["x"]}, "E", {"type": "E"}), False),
        (record({"type": "array", "items": {"type": "error", "name": "E", **ONE}}, name="R"), False),
        (record({"type": "array", "items": ["null"]}, {"type": "map", "values": "null"}, name="R"), False),
        ("string", False),
        (["null", record("int")], False),
    ],
)
def test_records_within_themselves_are_found(schema: JsonValue, expected: bool) -> None:
    assert is_recursive(schema) is expected


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (record({"type": "array", "items": record(name="E")}), "a list of items without bytes"),
        (record(record(name="E"), {"type": "array", "items": "E"}), "a list of items without bytes"),
        (record({"type": "array", "items": record("null", {"type": "null"}, name="E")}), "a list of items"),
        (record({"type": "fixed", "name": "F", "size": 0}), "a fixed without bytes"),
        (record(*["null"] * 101), "more than 100 values without bytes"),
        (record(record(*["null"] * 60, name="E"), "E"), "more than 100 values without bytes"),
        ({"type": "array", "items": "null"}, "the schema: a list of items without bytes"),
        ({"type": "array", "items": {"type": "null", "logicalType": "x"}}, "a list of items without bytes"),
        ({"type": "array", "items": {"type": "error", "name": "E", "fields": []}}, "a list of items without bytes"),
        # fastavro takes these as records without fields.
        (record(ALL), "f0: a record without a list of fields"),
        (record(ALL | {"fields": {}}), "f0: a record without a list of fields"),
        (record({"type": "map", "values": ALL | {"fields": ""}}), "f0: a record without a list of fields"),
        (["null", {"type": "error", "name": "E"}], "the schema: a record without a list of fields"),
        (record({"type": "enum", "name": "F", "symbols": ["x"]}, {"type": "fixed", "name": "G"}), "f1: a fixed"),
        (record({"type": "fixed", "name": "F", "size": 0.0}), "f0: a fixed without bytes"),
        (record({"type": "array", "items": "Nothing"}), "the type 'Nothing' is not defined"),
        (record({"type": "request", "name": "E", "fields": []}), "the type 'request' is not defined"),
        (record({"type": 7}), "f0: no type of Avro"),
        (record({"items": "int"}), "f0: no type of Avro"),
        (record(None), "f0: no type of Avro"),
        # fastavro takes what is parsed already as it is, and definitions next to it.
        (
            {"type": "array", "items": "E", "__fastavro_parsed": True, "__named_schemas": {"E": ALL}},
            "no type of Avro",
        ),
        # fastavro reads the last definition.
        ([record("int", name="E"), {"type": "array", "items": "E"}, record(name="E")], "E is defined twice"),
        ([{"type": "enum", "name": "E", "symbols": ["x"]}, record(name="E")], "the schema: E is defined twice"),
        ([{"type": "fixed", "name": "E", "size": 1}, record(name="E")], "the schema: E is defined twice"),
        (record(record(name="a.R")), "f0: a.R is defined twice"),
    ],
)
def test_values_without_bytes_are_bounded(schema: JsonValue, words: str) -> None:
    with pytest.raises(SchemaMismatchError, match=words):
        is_recursive(schema)


def test_a_record_without_fields_is_no_endless_list() -> None:
    codec, number = codec_and_id(record("int", {"type": "array", "items": {"type": "record", "name": "E"}}))
    with pytest.raises(SchemaMismatchError, match="f1: a record without a list of fields"):
        codec.decode(b"\x00" + number.to_bytes(4, "big") + b"\x02\x80\x80\x80\x01\x00")


def test_a_schema_that_is_too_deep_is_refused() -> None:
    schema: JsonValue = "int"
    for _ in range(5_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(SchemaMismatchError, match="too many types in one another"):
        is_recursive(schema)


def test_plans_refuse_what_the_codec_refuses() -> None:
    schema = record("int", {"type": "array", "items": "null"})
    with pytest.raises(SchemaMismatchError, match="a list of items without bytes"):
        missing_fields(schema, Part)
