"""A message that cannot be written in the form of others is refused with its field, and without its value."""

import io
import json
from typing import cast

import fastavro
import pytest
from pydantic import JsonValue, field_serializer

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.errors import RejectedError
from onex.model.message import Message
from onex.schema.foreign import AvroSchema
from onex.schema.foreign_refusal import different_place, unwritable_place
from onex.schema.json_codec import JsonCodec
from onex.schema.topic_catalogue import TopicCatalogue

NODE: JsonValue = {
    "type": "record",
    "name": "com.shop.Node",
    "fields": [
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}},
        {"name": "spare", "type": ["null", "Code"], "default": None},
        {"name": "below", "type": {"type": "array", "items": "Node"}, "default": []},
        {"name": "by_key", "type": {"type": "map", "values": ["null", "Node"]}, "default": {}},
        {"name": "either", "type": ["null", "long", "Code"], "default": None},
    ],
}
GOOD = {"code": b"ok"}


@pytest.mark.parametrize(
    ("datum", "place"),
    [
        ({"code": b"secret"}, "code"),
        ({"code": b"ok", "spare": b"secret"}, "spare"),
        ({"code": b"ok", "below": [GOOD, {"code": b"ok", "below": [{"code": "secret"}]}]}, "below.1.below.0.code"),
        ({"code": b"ok", "by_key": {"secret": GOOD, "s": {"code": b"ok", "spare": 1}}}, "by_key.[redacted].spare"),
        ({"code": b"ok", "by_key": {"secret": None, "s": {"code": b"secret"}}}, "by_key.[redacted].code"),
        ({"code": b"ok", "either": "secret"}, "either"),
        ({"code": b"ok", "below": [{"spare": b"ok"}]}, "below.0.code"),
        ({"code": b"ok", "below": [{**GOOD, "more": 1}]}, "below.0.more"),
        ({"code": b"ok", "below": 7}, "below"),
    ],
)
def test_the_place_that_avro_of_others_refuses_is_found(datum: object, place: str) -> None:
    schema = fastavro.parse_schema(cast(dict[str, object], NODE))
    with pytest.raises((ValueError, TypeError)):
        fastavro.schemaless_writer(io.BytesIO(), schema, datum, strict_allow_default=True)
    assert unwritable_place(cast(AvroSchema, schema), datum) == place


def test_names_of_the_schema_do_not_hide_the_place() -> None:
    node = {**NODE, "name": "Part"}  # type: ignore[dict-item]  # an object
    schema = fastavro.parse_schema(json.loads(json.dumps(node).replace("Node", "Part")))
    assert (
        unwritable_place(cast(AvroSchema, schema), {**GOOD, "below": [GOOD, {"code": b"secret"}]}) == "below.1.code"
    )


def test_a_default_that_fastavro_refuses_does_not_hide_the_place() -> None:
    inner = {"type": "record", "name": "In", "fields": [{"name": "x", "type": {"type": "double"}, "default": 0}]}
    whole = {"type": "record", "name": "Out", "fields": [{"name": "inner", "type": inner}]}
    schema = fastavro.parse_schema(whole, _ignore_default_error=True)
    assert unwritable_place(cast(AvroSchema, schema), {"inner": {"x": "secret"}}) == "inner.x"


def test_names_without_a_namespace_inside_one_do_not_hide_the_place() -> None:
    number: JsonValue = {"type": "record", "name": "N", "namespace": "", "fields": [{"name": "x", "type": "int"}]}
    named: JsonValue = {"type": "record", "name": "N", "fields": [{"name": "x", "type": "int"}]}
    inner = {
        "type": "record",
        "name": "a.In",
        "fields": [{"name": "p", "type": number}, {"name": "q", "type": named}],
    }
    schema = fastavro.parse_schema({"type": "record", "name": "Out", "fields": [{"name": "in", "type": inner}]})
    assert unwritable_place(cast(AvroSchema, schema), {"in": {"p": {"x": 1}, "q": {"x": "secret"}}}) == "in.q.x"


def test_a_part_that_is_no_schema_alone_does_not_replace_the_error() -> None:
    schema: AvroSchema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "Nothing"}]}
    assert unwritable_place(schema, {"x": 1}) == ""


class Leaf(Message):
    """A part of a part."""

    content: bytes = b""

    @field_serializer("content")
    def _readable(self, content: bytes) -> str:
        return content.decode()


class Part(Leaf):
    """A part."""

    tags: dict[str, Leaf] = {}
    all: list[bytes] = []


class Whole(Message, key="name"):
    """A whole."""

    name: str
    parts: list[Part]


@pytest.mark.parametrize(
    ("part", "place"),
    [
        (Part(content=b"\xff"), "parts.1.content"),
        (Part(tags={"a": Leaf(), "secret": Leaf(content=b"\xff")}), "parts.1.tags.[redacted].content"),
    ],
)
def test_the_place_that_json_refuses_is_found(part: Part, place: str) -> None:
    codec = JsonCodec(Whole, TopicCatalogue(MemoryEventBus(MemoryBroker(lambda: 0))))
    with pytest.raises(RejectedError) as refused:
        codec.encode(Whole(name="n", parts=[Part(), part]))
    assert str(refused.value) == f"Whole: {place}: cannot be written as JSON: PydanticSerializationError"


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        (Part(content=b"a"), Part(content=b"b"), "parts.0.content"),
        (Part(tags={"a": Leaf()}), Part(tags={"a": Leaf(content=b"b")}), "parts.0.tags.[redacted].content"),
        (Part(tags={"a": Leaf()}), Part(tags={"b": Leaf()}), "parts.0.tags"),
        (Part(all=[b"a", b"b"]), Part(all=[b"a", b"c"]), "parts.0.all.1"),
        (Part(all=[b"a"]), Part(all=[]), "parts.0.all"),
    ],
)
def test_the_place_of_a_value_that_changes_is_found(one: Part, other: Part, place: str) -> None:
    assert different_place(Whole(name="n", parts=[one]), Whole(name="n", parts=[other])) == place
