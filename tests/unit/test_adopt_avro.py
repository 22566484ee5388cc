"""``onex adopt`` of topics whose records are Avro with schemas of a registry."""

import ast
import io
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import fastavro
import pytest
import yaml
from pydantic import JsonValue

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, TopicState
from onex.codegen.adopt.adoption import Adoption, Choices, adopt
from onex.codegen.adopt.sample import Sample, SampledRecord
from onex.errors import RejectedError
from onex.schema.catalogue import SchemaVersion
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver, load_cases, run_case
from tests.unit.test_adopt import onex, types_of, write

TOPIC = "avro.orders"  # another than in other tests: modules are imported once
SUBJECT = f"{TOPIC}-value"
Datum = Mapping[str, object]
MONEY: dict[str, JsonValue] = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
TAX: JsonValue = {"type": "fixed", "name": "Tax", "size": 8, "logicalType": "decimal", "precision": 12, "scale": 4}
ORDER: dict[str, JsonValue] = {
    "type": "record",
    "name": "Order",
    "namespace": "com.shop",
    "doc": 'An order.\n"""\nimport os\n',
    "fields": [
        {"name": "order_id", "type": "string", "doc": "Given by the shop.\n'''\\"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["OPEN", "PAID"]}},
        {"name": "total", "type": MONEY, "default": "\u0000"},
        {"name": "tax", "type": ["null", TAX], "default": None},
        {"name": "due", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "seen", "type": [{"type": "long", "logicalType": "timestamp-micros"}, "null"], "default": 0},
        {"name": "opens", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "trace", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "sum", "type": {"type": "fixed", "name": "Sum", "size": 4}},
        {"name": "class", "type": "int", "default": -7},
        {"name": "City", "type": ["string", "null"], "default": "Bern"},
        {"name": "weight", "type": "float", "default": 1},
        {"name": "ratio", "type": ["int", "double"]},
        {"name": "is_gift", "type": "boolean", "default": False},
        {"name": "content", "type": "bytes", "default": "\u00ff"},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "counts", "type": {"type": "map", "values": ["null", "long"]}, "default": {}},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Line",
                    "fields": [{"name": "sku", "type": "string"}, {"name": "price", "type": MONEY}],
                },
            },
        },
        {"name": "first", "type": ["null", "Line"], "default": None},
        {"name": "either", "type": ["null", "string", "int"]},
        {"name": "nothing", "type": "null"},
        {"name": "parent", "type": ["null", "Order"]},
        {"name": "api_token", "type": "string", "default": "tok-default"},
    ],
}


def order(number: int = 1, **changes: object) -> dict[str, object]:
    line = {"sku": f"s-{number}", "price": Decimal("2.50")}
    return {
        "order_id": f"o-{number}",
        "status": "PAID",
        "total": Decimal("12.50"),
        "tax": Decimal("-0.0125"),
        "due": date(2026, 2, 3),
        "at": datetime(2026, 1, 1, 10, 0, 0, 250_000, tzinfo=UTC),
        "seen": datetime(2026, 1, 1, 10, 0, 0, 250_001, tzinfo=UTC),
        "opens": time(9, 30),
        "local": datetime(2026, 1, 1),
        "trace": UUID(int=number),
        "sum": b"\x00\x01\xfe\xff",
        "class": number,
        "City": "Chur",
        "weight": 0.5,
        "ratio": 3,
        "is_gift": True,
        "content": b"\xff\x00",
        "tags": ["a"],
        "counts": {"x": 1, "y": None},
        "lines": [line],
        "first": line,
        "either": "x",
        "nothing": None,
        "parent": None,
        "api_token": "tok-a",
        **changes,
    }


class Shop:
    """Writes records, and registers their schemas as others do."""

    def __init__(self, topic: str = TOPIC) -> None:
        self.topic = topic
        self.bus = MemoryEventBus(MemoryBroker(lambda: 0))
        self.bus.admin.create([TopicState("_schemas", 1, 1, {})])
        self.catalogue = TopicCatalogue(self.bus)
        self.records: list[SampledRecord] = []

    def schema(self, schema: JsonValue, subject: str = "") -> int:
        subject = subject or f"{self.topic}-value"
        return self.catalogue.register({subject: schema})[subject].id

    def write(self, data: object, schema: JsonValue, subject: str = "", key: bytes | None = None) -> None:
        self.records.append(SampledRecord(key, avro(self.schema(schema, subject), data, schema), {}))

    def adopt(self, **choices: object) -> Adoption:
        sample = Sample(self.topic, 4, tuple(self.records))
        return adopt(sample, Choices(**choices), self.catalogue)  # type: ignore[arg-type]  # each of its own type


def avro(schema_id: int, data: object, schema: JsonValue) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), data)  # type: ignore[arg-type]  # any JSON
    return b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()


def taken(
    folder: Path, records: Sequence[tuple[object, JsonValue]], topic: str = TOPIC
) -> list[dict[str, JsonValue]]:
    """Returns what the node publishes for records of other writers; it must refuse none."""
    mesh = MeshDriver([folder])
    for number, (data, schema) in enumerate(records):
        subject = f"theirs-{number}"
        schema_id = mesh.catalogue.register({subject: schema})[subject].id
        mesh.publish(topic, avro(schema_id, data, schema), b"k", [])
    assert not mesh.dead_letters(), [letter.headers() for letter in mesh.dead_letters()]
    ((model, target),) = mesh.nodes[0].outputs.items()
    found = [json.loads(message.model_dump_json()) for _, message in mesh.messages(model, target)]
    mesh.close()
    return found


def record(*fields: JsonValue, name: str = "Order") -> dict[str, JsonValue]:
    return {"type": "record", "name": name, "namespace": "com.shop", "fields": list(fields)}


ID: JsonValue = {"name": "id", "type": "string"}


def test_the_message_is_that_of_the_schema(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(40):
        shop.write(order(number), ORDER, key=f"o-{number}".encode())
    adoption = shop.adopt()
    assert types_of(adoption) == {
        "order_id": "str",
        "status": "OPEN | PAID",
        "total": "Decimal(9, 2)",
        "tax": "Decimal(12, 4) | None",
        "due": "date",
        "at": "datetime",
        "seen": "datetime | None",
        "opens": "int",
        "local": "int",
        "trace": "UUID",
        "sum": "bytes",
        "class": "int",
        "City": "str | None",
        "weight": "float",
        "ratio": "float",
        "is_gift": "bool",
        "content": "bytes",
        "tags": "list[str]",
        "counts": "dict[str, int]",
        "lines": "list[Line]",
        "lines.sku": "str",
        "lines.price": "Decimal(9, 2)",
        "first": "Line | None",
        "api_token": "str",
    }
    assert adoption.notes == (
        "either: left out: a union of string and int, which no field of a message is",
        "nothing: left out: always null",
        "parent: left out: a Order within itself",
    )
    fields = {field.place: field for field in adoption.fields}
    assert (fields["tax"].seen, fields["tax"].of, fields["lines.sku"].seen) == (40, 40, 80)
    assert fields["opens"].why == "time-millis: milliseconds of the day"
    assert {field.sure for field in adoption.fields} == {"sure"}
    assert (adoption.wanted.key.field, adoption.wanted.key.sure) == ("order_id", "sure")
    bound = yaml.safe_load(adoption.files["contract.yaml"])["event_bus"]["topics"][TOPIC]
    assert bound == {"message": "Order", "format": "avro", "subject": SUBJECT, "key": "order_id"}
    models = adoption.files["models/__init__.py"]
    assert "tok-" not in "".join(adoption.files.values())
    assert 'class_: int = Field(default=-7, alias="class")' in models
    assert 'total: Annotated[Decimal, Field(max_digits=9, decimal_places=2)] = Decimal("0.00")' in models
    assert "tags: list[str] = Field(default_factory=list)" in models
    assert """order_id: str = Field(description="Given by the shop. '''\\\\")""" in models
    assert 'class Order(Message, key="order_id"):\n    """An order."""\n' in models
    assert 'city: str | None = Field(default="Bern", alias="City")' in models
    assert {type(node) for node in ast.walk(ast.parse(models)) if isinstance(node, ast.Import)} == set()

    folder = write(tmp_path, adoption)
    cases = load_cases(folder)
    assert [run_case(folder, case) for case in cases] == [""] * len(cases)
    assert len(cases) == 2
    (published,) = taken(folder, [(order(7, tax=None), ORDER)])
    assert published["class_"] == 7
    assert (published["city"], published["total"], published["tax"]) == ("Chur", "12.50", None)
    assert (published["at"], published["opens"]) == ("2026-01-01T10:00:00.250000Z", 34_200_000)
    assert (published["sum"], published["counts"]) == ("AAH-_w==", {"x": 1, "y": None})


def test_each_sampled_schema_is_read(tmp_path: Path) -> None:
    colour = {"type": "enum", "name": "Colour"}
    old = record(
        ID,
        {"name": "count", "type": "int"},
        {"name": "colour", "type": {**colour, "symbols": ["RED"]}},
        {"name": "price", "type": {**MONEY, "precision": 12, "scale": 1}},
        {"name": "kind", "type": "string"},
        {"name": "note", "type": "string"},
        {"name": "was", "type": "string"},
        {"name": "gone", "type": "int"},
    )
    new = record(
        ID,
        {"name": "count", "type": "double"},
        {"name": "colour", "type": {**colour, "symbols": ["RED", "BLUE"]}},
        {"name": "price", "type": MONEY},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A"]}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "added", "type": "string"},
        {"name": "filled", "type": "int", "default": 5},
        {"name": "now", "aliases": ["was"], "type": "string"},
    )
    clash = record(ID, {"name": "count", "type": "string"}, {"name": "note", "type": "string"})
    before = {"id": "a", "count": 3, "colour": "RED", "price": Decimal("1.5"), "kind": "x", "note": "", "was": "w"}
    after = {"id": "b", "count": 0.5, "colour": "BLUE", "price": Decimal("1.25"), "kind": "A", "note": None}
    after |= {"added": "y", "filled": 1, "now": "n"}
    shop = Shop("evolve.orders")
    shop.write(before | {"gone": 1}, old)
    shop.schema(new)  # no sampled record has the latest schema
    adoption = shop.adopt()
    assert types_of(adoption) == {
        "id": "str",
        "count": "float",
        "colour": "RED | BLUE",
        "price": "Decimal(13, 2)",
        "kind": "str",
        "note": "str | None",
        "added": "str | None",
        "filled": "int",
        "now": "str | None",
    }
    why = {field.place: field.why for field in adoption.fields}
    assert (why["added"], why["filled"]) == ("1 of 2 schemas lack it", "1 of 2 schemas lack it")
    assert adoption.notes == ("now: has other names in older schemas, which are not read",)
    first, second = taken(write(tmp_path, adoption), [(before | {"gone": 1}, old), (after, new)], shop.topic)
    assert (first["count"], first["price"], first["added"], first["filled"]) == (3.0, "1.50", None, 5)
    assert (second["count"], second["price"], second["colour"]) == (0.5, "1.25", "BLUE")
    shop.write({"id": "c", "count": "3", "note": "n"}, clash, "other")
    notes = shop.adopt().notes
    assert "count: left out: the schemas of the sampled records differ: double and int and string" in notes


@pytest.mark.parametrize(
    ("subject", "strategy"),
    [(SUBJECT, "topic"), (f"{TOPIC}-com.shop.Order", "topic and record"), ("com.shop.Order", "record"), ("x", "")],
)
def test_the_subject_is_found_by_its_strategy(subject: str, strategy: str) -> None:
    shop = Shop()
    shop.write({"id": "a"}, record(ID), subject)
    adoption = shop.adopt()
    assert adoption.wanted.avro is not None
    assert (adoption.wanted.avro.strategy, adoption.wanted.avro.subject) == (strategy, subject if strategy else "")
    bound = yaml.safe_load(adoption.files["contract.yaml"])["event_bus"]["topics"][TOPIC]
    subjects = {"subjects": {"Order": subject}} if strategy else {}
    # Where subjects follow the record, the topic may have others, which the sample need not show.
    several = {"messages": {"com.shop.Order": "Order"}, "type": "schema", "other_types": "ignore", "format": "avro"}
    one = {"message": "Order", "format": "avro", "subject": subject}
    assert bound == {**(one if strategy == "topic" else several | subjects), "key": "id"}
    assert any("the schemas allow others on the topic" in note for note in adoption.notes) == (strategy != "topic")
    assert any(note.startswith("no subject has") for note in adoption.notes) == (not strategy)


def test_one_of_several_types_is_adopted(tmp_path: Path) -> None:
    shop = Shop("several.orders")
    paid = record(ID, {"name": "amount", "type": "int"}, name="Paid")
    for number in range(3):
        shop.write({"id": f"{number}"}, record(ID), f"{shop.topic}-com.shop.Order")
    shop.write({"id": "p", "amount": 1}, paid, f"{shop.topic}-com.shop.Paid")
    adoption = shop.adopt()
    assert (adoption.wanted.model.name, adoption.records) == ("Order", 3)
    assert adoption.notes[0].startswith(
        "the topic has other types, too: com.shop.Paid in 1. The node passes over them."
    )
    bound = yaml.safe_load(adoption.files["contract.yaml"])["event_bus"]["topics"][shop.topic]
    assert bound == {
        "messages": {"com.shop.Order": "Order"},
        "type": "schema",
        "other_types": "ignore",
        "format": "avro",
        "subjects": {"Order": f"{shop.topic}-com.shop.Order"},
        "key": "id",
    }
    folder = write(tmp_path, adoption)
    assert [run_case(folder, case) for case in load_cases(folder)] == ["", ""]
    both = [({"id": "p", "amount": 1}, paid), ({"id": "o"}, record(ID))]
    assert taken(folder, both, shop.topic) == [{"id": "o"}]
    for name in ("Paid", "com.shop.Paid"):
        chosen = shop.adopt(record=name)
        assert types_of(chosen) == {"id": "str", "amount": "int"}
        assert chosen.wanted.avro is not None
        assert chosen.wanted.avro.subject == f"{shop.topic}-com.shop.Paid"
    with pytest.raises(RejectedError, match="--record Sent: the sampled records are com.shop.Order, com.shop.Paid"):
        shop.adopt(record="Sent")
    with pytest.raises(RejectedError, match="belongs to Avro"):
        adopt(Sample(TOPIC, 1, (SampledRecord(None, b'{"a": 1}', {}),)), Choices(record="Order"), shop.catalogue)


def test_a_union_of_records_is_one_type_each(tmp_path: Path) -> None:
    shop = Shop("union.orders")
    both: JsonValue = [record(ID), record(ID, {"name": "amount", "type": "int"}, name="Paid")]
    shop.write(("com.shop.Paid", {"id": "p", "amount": 1}), both)
    adoption = shop.adopt()
    assert (adoption.wanted.model.name, types_of(adoption)) == ("Paid", {"id": "str", "amount": "int"})
    bound = yaml.safe_load(adoption.files["contract.yaml"])["event_bus"]["topics"][shop.topic]
    assert (bound["messages"], bound["type"]) == ({"com.shop.Paid": "Paid"}, "schema")
    written = [(("com.shop.Order", {"id": "o"}), both), (("com.shop.Paid", {"id": "p", "amount": 1}), both)]
    assert taken(write(tmp_path, adoption), written, shop.topic) == [{"id": "p", "amount": 1}]


def test_a_union_that_comes_later_has_other_types() -> None:
    shop = Shop()
    shop.write({"id": "a"}, record(ID))
    shop.schema([record(ID), record(ID, name="Paid")])
    adoption = shop.adopt()
    assert adoption.wanted.avro is not None
    assert (adoption.wanted.avro.is_only_type, adoption.wanted.avro.schemas) == (False, (2, 1))


def test_a_union_that_was_before_has_other_types() -> None:
    shop = Shop()
    shop.write(("com.shop.Order", {"id": "a"}), [record(ID), record(ID, name="Paid")])
    shop.schema(record(ID))
    adoption = shop.adopt()
    assert adoption.wanted.avro is not None
    assert (adoption.wanted.avro.is_only_type, adoption.wanted.avro.schemas) == (False, (2, 1))


def test_an_unusable_latest_schema_is_a_note() -> None:
    sampled = record(ID)
    catalogue = Registered({1: sampled})
    bad = SchemaVersion(SUBJECT, 2, 2, json.dumps(of({"type": "array", "items": "null"})))
    catalogue.registered[SUBJECT] = [SchemaVersion(SUBJECT, 1, 1, json.dumps(sampled)), bad]
    adoption = adopt(
        Sample(TOPIC, 1, (SampledRecord(b"i", avro(1, {"id": "i"}, sampled), {}),)), Choices(), catalogue
    )
    assert types_of(adoption) == {"id": "str"}
    assert adoption.wanted.avro is not None
    assert (adoption.wanted.avro.subject, adoption.wanted.avro.schemas) == (SUBJECT, (1,))
    assert adoption.notes[0].startswith(
        f"the latest schema is not used, but those of the sample: version 2 of {SUBJECT}: Order: x: a list of items"
    )


def test_records_with_rare_schemas_are_not_read() -> None:
    shop = Shop()
    for number in range(66):
        shop.write({"id": "a"}, record(ID) | {"doc": f"{number}"}, f"s{number}")
    adoption = shop.adopt()
    assert adoption.records == 64
    assert adoption.notes[0].startswith("2 of 66 records were not read: their schemas are not among the most")


def test_many_values_without_bytes_end_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.codegen.adopt.avro.writers._MOST_VALUES", 20_000)
    nulls = record(*of_type("null", 99), {"name": "x", "type": "boolean"}, name="Nulls")
    schema = record(ID, {"name": "list", "type": {"type": "array", "items": nulls}})
    value = b"\x00\x00\x00\x00\x01\x02a" + b"\xc8\x01" + b"\x00" * 100 + b"\x00"
    records = tuple([SampledRecord(None, value, {})] * 3)
    adoption = adopt(Sample(TOPIC, 1, records), Choices(cases=0), Registered({1: schema}))
    assert adoption.records == 1
    assert adoption.notes[0].startswith("2 of 3 records were not read: those before are enough")
    monkeypatch.setattr("onex.codegen.adopt.avro.writers._MOST_VALUES", 10_000)
    with pytest.raises(RejectedError, match="no record can be read: a record has more than 10000 values"):
        adopt(Sample(TOPIC, 1, records), Choices(), Registered({1: schema}))


def test_a_key_of_many_values_is_no_text() -> None:
    key: JsonValue = {
        "type": "array",
        "items": record(*of_type("null", 99), {"name": "x", "type": "boolean"}, name="Key"),
    }
    schemas: dict[int, JsonValue] = {1: record(ID), 2: key}
    large = b"\x00\x00\x00\x00\x02\xc8\x01" + b"\x00" * 101
    sampled = SampledRecord(large, avro(1, {"id": "i"}, record(ID)), {})
    adoption = adopt(Sample(TOPIC, 1, (sampled,)), Choices(), Registered(schemas))
    assert adoption.records == 1


def test_tombstones_and_empty_values_are_counted_apart() -> None:
    shop = Shop()
    shop.write({"id": "i"}, record(ID))
    shop.records += [SampledRecord(b"k", value, {}) for value in (None, b"", b"")]
    tombstones, empty = shop.adopt().notes
    assert tombstones.startswith("1 of 4 records are tombstones, and would be dead letters; write tombstones: ignore")
    assert empty == "2 of 4 records have an empty value, and would be dead letters"


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("string", "o-{}"),
        (record(ID, name="Key"), {"id": "o-{}"}),
        ({"type": "string", "logicalType": "uuid"}, None),
        (record(ID, {"name": "more", "type": "string"}, name="Key"), None),
    ],
)
def test_keys_in_avro_show_the_key_field(key: JsonValue, data: JsonValue) -> None:
    shop = Shop()
    key_id = shop.schema(key, f"{TOPIC}-key")
    for number in range(30):
        match data:
            case None:
                written = b"\x00" + key_id.to_bytes(4, "big") + b"x"
            case dict():
                written = avro(key_id, {"id": f"o-{number}"}, key)
            case _:
                written = avro(key_id, f"o-{number}", key)
        shop.write({"other": "o", "id": f"o-{number}"}, record({"name": "other", "type": "string"}, ID), key=written)
    guess = shop.adopt().wanted.key
    assert (guess.field, guess.sure) == ("id", "unsure" if data is None else "sure")
    assert ("30 different keys" in guess.why) == (data is not None)


HOSTILE_WORDS = (
    '"""',
    "'''\n",
    "\\",
    "\x00\x1b[2J",
    "\u202e",
    "\ud800",
    "{{ 1 }}",
    "x" * 9000,
    "#\nimport os",
    "%s",
    '"\n\nimport os\n"',
    "\\\n",
)
HOSTILE_NAMES = (
    "class",
    "model_dump",
    "json",
    "_x",
    "__init__",
    "int",
    "str",
    "date",
    "Field",
    "Decimal",
    "Message",
    "X",
)


def test_texts_of_a_schema_are_only_in_literals(tmp_path: Path) -> None:
    fields: list[JsonValue] = [
        {"name": name, "type": "string", "doc": words, "default": words, "aliases": [words]}
        for name, words in zip(HOSTILE_NAMES, HOSTILE_WORDS, strict=True)
    ]
    inner = record(*fields, name="Field") | {"doc": HOSTILE_WORDS[0]}
    schema = record(ID, *fields, {"name": "Literal", "type": inner}, name="Message") | {"doc": HOSTILE_WORDS[1]}
    values = dict.fromkeys(HOSTILE_NAMES, "v")
    # The registry is made up: a real one, and fastavro, would refuse some of these.
    plain: list[JsonValue] = [{"name": name, "type": "string"} for name in HOSTILE_NAMES]
    harmless = record(ID, *plain, {"name": "Literal", "type": record(*plain, name="Field")}, name="Message")
    value = avro(1, {"id": "i", **values, "Literal": values}, harmless)
    adoption = adopt(
        Sample("hostile.texts", 1, (SampledRecord(b"i", value, {}),)), Choices(), Registered({1: schema})
    )
    for file in ("models/__init__.py", "node.py"):
        tree = ast.parse(adoption.files[file])
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert calls <= {"Field"}
        assert "ud800" not in adoption.files[file]  # no text of a message can have it
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert modules <= {"pydantic", "onex.node", f"{adoption.wanted.package.replace('/', '.')}.models"}
    folder = write(tmp_path, adoption)
    assert [run_case(folder, case) for case in load_cases(folder)] == ["", ""]
    (published,) = taken(folder, [({"id": "i", **values, "Literal": values}, harmless)], "hostile.texts")
    assert list(published.values())[:-1] == ["i", *["v"] * len(values)]


class Registered(TopicCatalogue):
    """A registry that has any schemas."""

    def __init__(self, schemas: Mapping[int, JsonValue]) -> None:
        super().__init__(MemoryEventBus(MemoryBroker(lambda: 0)))
        self._schemas = schemas
        self.registered: dict[str, list[SchemaVersion]] = {}

    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        return {subject: self.registered.get(subject, []) for subject in subjects}

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, JsonValue]:
        return {number: self._schemas[number] for number in schema_ids if number in self._schemas}


def nested(levels: int) -> JsonValue:
    kind: JsonValue = "string"
    for _ in range(levels):
        kind = {"type": "array", "items": kind}
    return kind


def wide(levels: int) -> JsonValue:
    """Few bytes of schema, no bytes of a record, and 10^levels values."""
    kind: JsonValue = record(name="L0")
    for level in range(levels):
        kind = record({"name": "f", "type": kind}, *of_type(f"com.shop.L{level}", 9), name=f"L{level + 1}")
    return kind


def of_type(kind: str, count: int) -> list[JsonValue]:
    return [{"name": f"f{number}", "type": kind} for number in range(count)]


def of(kind: JsonValue) -> JsonValue:
    return record({"name": "x", "type": kind})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("string", "no Avro of a record"),
        (7, "schema 1: it has a type that is no type of Avro"),
        (record() | {"name": "os; import"}, "whose name is no name of Avro"),
        (record() | {"name": "x" * 600}, "whose name is no name of Avro"),
        (record({"name": "a b", "type": "int"}), "com.shop.Order has a field without a name"),
        (record("x"), "com.shop.Order has a field that is none"),
        (record(ID, ID), "has a field twice"),
        (record({"name": "x", "type": "int", "aliases": ["y"] * 101}), "has a field with more than 100 aliases"),
        (of("Nothing"), "com.shop.Order: x uses the type 'Nothing', which is not defined"),
        (of({"type": "enum", "name": "E", "symbols": ["a\n"]}), "has an enum whose symbols are no different names"),
        (
            of({"type": "enum", "name": "E", "symbols": ["a", "a"]}),
            "has an enum whose symbols are no different names",
        ),
        (of({"type": "enum", "name": "Order", "symbols": ["a"]}), "defines com.shop.Order twice"),
        (of({"type": "fixed", "name": "F", "size": 0}), "has a type that is no type of Avro"),
        (of({**MONEY, "precision": 10**9}), "lacks a precision from 1 to 1000"),
        (of(nested(80)), "has more than 64 types in one another"),
        (of(["int"] * 30_000), "has more than 20000 types"),
        (of({"type": "array", "items": "null"}), "x: a list of items without bytes"),
        (of({"type": "array", "items": record(name="E")}), "x: a list of items without bytes"),
        (wide(9), "more than 100 values without bytes in a record"),
        (of("com.shop.Order"), "no Avro of a record"),
        (record(), "no field of the record can be one of a message"),
        (of({"type": {"type": "int"}}), "schema 1: not a valid Avro schema: TypeError"),
        ({"type": [record(ID)]}, "schema 1: not a valid Avro schema: TypeError"),
        (of({"type": "array", "items": {"type": "record", "name": "E"}}), "has a type that is no type of Avro"),
        (of(["string", "int"]), "x: left out: a union of string and int"),
        (
            record(*of_type("null", 90), ID, {"name": "ids", "type": nested(9)}),
            "-",
        ),
        (record(*of_type("int", 301)), "more than 300 fields"),
    ],
)
def test_hostile_schemas_are_refused_in_words(schema: JsonValue, words: str) -> None:
    value = b"\x00\x00\x00\x00\x01" + b"\x00" * (301 if words.startswith("more") else 1)
    if words == "-":
        value += b"\x00"
    elif "no field of the record" in words:
        value = value[:5]
    elif "union" in words:
        value += b"\x00"
    adopted = Sample(TOPIC, 1, (SampledRecord(None, value, {}),))
    if words == "-":
        assert types_of(adopt(adopted, Choices(), Registered({1: schema}))) == {"id": "str"}
        return
    with pytest.raises(RejectedError, match=".") as refused:
        adopt(adopted, Choices(), Registered({1: schema}))
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (of(["null", "Order"]), b"\x02" * 5_000 + b"\x00"),
        (of({"type": "array", "items": "int"}), b"\xfe\xff\xff\xff\x0f"),
        (of("string"), b"\x10abc"),
        (of("string"), b"\x02\xff"),
        (of("string"), b"\x01"),
        (of("boolean"), b"\x02"),
        (of("int"), b"\x00\x00"),
        (of({"type": "enum", "name": "E", "symbols": ["a"]}), b"\x02"),
        (of(["null", "int"]), b"\x03"),
        (of({"type": "int", "logicalType": "date"}), b"\xfe\xff\xff\xff\x0f"),
        (of(MONEY), b"\x14" + b"\x7f" * 10),
    ],
)
def test_records_that_the_engine_would_refuse_are_counted(schema: JsonValue, body: bytes) -> None:
    good = SampledRecord(None, avro(2, {"id": "i"}, record(ID)), {})
    bad = SampledRecord(None, b"\x00\x00\x00\x00\x01" + body, {})
    catalogue = Registered({1: schema, 2: record(ID)})
    adoption = adopt(Sample(TOPIC, 1, (*[good] * 40, bad, bad)), Choices(), catalogue)
    assert adoption.notes[0].startswith("2 of 42 records would be dead letters: they are no Avro of a record")
    with pytest.raises(RejectedError, match="2 of 4 records cannot be read"):
        adopt(Sample(TOPIC, 1, (good, good, bad, bad)), Choices(), catalogue)


def test_large_records_end_the_sample() -> None:
    schema = of("string")
    value = avro(1, {"x": "x" * 3_000_000}, schema)
    large = Sample(TOPIC, 1, tuple([SampledRecord(None, value, {})] * 6))
    adoption = adopt(large, Choices(cases=0), Registered({1: schema}))
    assert adoption.records == 3
    assert adoption.notes[0].startswith("3 of 6 records were not read")


def test_choices_change_the_message() -> None:
    shop = Shop()
    shop.write(order(api_token="tok-a"), ORDER)
    adoption = shop.adopt(
        enums=False, without=frozenset({"lines.price", "tags", "none"}), secrets=("City",), message="Mine"
    )
    types = types_of(adoption)
    assert (adoption.wanted.model.name, types["status"], "tags" in types) == ("Mine", "str", False)
    assert [place for place in types if place.startswith("lines")] == ["lines", "lines.sku"]
    assert "--without none: the schema has no such field" in adoption.notes
    assert "Chur" not in adoption.files["cases.yaml"]
    assert "Bern" not in adoption.files["models/__init__.py"]


def test_a_field_is_left_out_at_its_place_only() -> None:
    zip_code: JsonValue = {"name": "zip", "type": "string"}
    address = record({"name": "city", "type": "string"}, zip_code, name="Address")
    box = record({"name": "at", "type": "Address"}, name="Box")
    fields: list[JsonValue] = [
        {"name": "billing", "type": address},
        {"name": "shipping", "type": "Address"},
        {"name": "again", "type": "Address"},
        {"name": "box", "type": box},
        {"name": "other", "type": "Box"},
    ]
    schema = record(ID, *fields)
    shop = Shop()
    at = {"city": "Bern", "zip": "3011"}
    shop.write(
        {"id": "i", "billing": at, "shipping": at, "again": at, "box": {"at": at}, "other": {"at": at}}, schema
    )

    def classes(*without: str) -> tuple[dict[str, str], dict[str, set[str]], tuple[str, ...]]:
        adoption = shop.adopt(without=frozenset(without))
        models = {each.name: {field.json for field in each.fields} for each in adoption.wanted.model.every_model()}
        return {place: kind for place, kind in types_of(adoption).items() if kind[0] in "AB"}, models, adoption.notes

    places, models, notes = classes("shipping.zip", "again.zip", "other.at.zip")
    whole, part = places["billing"], places["shipping"]
    assert (models[whole], models[part]) == ({"city", "zip"}, {"city"})
    assert (places["again"], places["box.at"], places["other.at"]) == (part, whole, part)
    assert len(models) == 5
    assert notes == ()
    places, models, notes = classes("billing.zip", "billing.none", "shipping.zip", "shipping.none")
    assert (models[places["billing"]], models[places["again"]]) == ({"city"}, {"city", "zip"})
    assert places["shipping"] == places["billing"]
    assert notes == (
        "--without billing.none: the schema has no such field",
        "--without shipping.none: the schema has no such field",
    )


def test_a_deep_place_does_not_take_fields_from_another() -> None:
    inner: JsonValue = {"type": "array", "items": {"type": "array", "items": "string"}}
    part = record({"name": "x", "type": "string"}, {"name": "deep", "type": inner}, name="Part")
    deep: JsonValue = part
    for _ in range(6):
        deep = {"type": "array", "items": deep}
    schema = record(ID, {"name": "below", "type": deep}, {"name": "near", "type": "Part"})
    shop = Shop()
    shop.write({"id": "i", "below": [], "near": {"x": "x", "deep": []}}, schema)
    adoption = shop.adopt()
    models = {each.name: {field.json for field in each.fields} for each in adoption.wanted.model.every_model()}
    assert sorted(map(sorted, models.values())) == [["below", "id", "near"], ["deep", "x"], ["x"]]
    assert models[types_of(adoption)["near"]] == {"x", "deep"}
    assert len(adoption.notes) == 1
    assert adoption.notes[0].startswith("below.deep: left out: more than 8 records and lists")


def test_the_command_prints_the_schema_and_writes_a_valid_node(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = Shop()
    for number in range(12):
        shop.write(order(number), ORDER, key=f"o-{number}".encode())
    shop.bus.admin.create([TopicState(TOPIC, 2, 1, {})])
    shop.bus.publish_batch([Outgoing(TOPIC, record.value, record.key, []) for record in shop.records])
    monkeypatch.setattr("onex.cli.adopt.open_bus", lambda _settings: shop.bus)
    monkeypatch.setattr(shop.bus, "close", lambda: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCHEMA_REGISTRY_URL", raising=False)
    code, out, err = onex("adopt", TOPIC, "--record", "Order", "--node", "printed", "-o", "services")
    assert code == 0, err
    assert f"schema: com.shop.Order of {SUBJECT}" in out
    assert "key: order_id (likely)" in out
    assert "parent: left out" in err
    assert onex("contract", "validate", "services")[:2] == (0, "1 contract valid\n")
    code, out, _ = onex("adopt", TOPIC, "--dry-run", "--json")
    assert (code, json.loads(out)["avro"]) == (0, {"record": "com.shop.Order", "subject": SUBJECT, "schemas": [1]})
    code, _, err = onex("adopt", TOPIC, "--record", "Paid", "--dry-run")
    assert (code, "the sampled records are com.shop.Order" in err) == (5, True), err


def test_defaults_that_fastavro_refuses_are_read_over(tmp_path: Path) -> None:
    """Valid ones, and those of writers that do not check them. The engine takes no default of a writer."""
    fields: list[JsonValue] = [
        {"name": "weight", "type": {"type": "double"}, "default": 0},
        {"name": "count", "type": "int", "default": None},
    ]
    schema, data = record(ID, *fields), {"id": "i", "weight": 1.5, "count": 2}
    plain = record(ID, {"name": "weight", "type": "double"}, {"name": "count", "type": "int"})
    adoption = adopt(
        Sample("lax.defaults", 1, (SampledRecord(b"i", avro(1, data, plain), {}),)),
        Choices(),
        Registered({1: schema}),
    )
    assert types_of(adoption) == {"id": "str", "weight": "float", "count": "int"}
    mesh = MeshDriver([write(tmp_path, adoption)])
    number = mesh.catalogue.register({"theirs": schema})["theirs"].id
    mesh.publish("lax.defaults", avro(number, data, plain), b"i", [])
    assert not mesh.dead_letters(), [letter.headers() for letter in mesh.dead_letters()]
    mesh.close()


def test_a_name_is_not_that_of_a_field_that_is_left_out(tmp_path: Path) -> None:
    schema = record(ID, {"name": "class", "type": "int"}, {"name": "class_", "type": "int"})
    shop = Shop("left.out")
    shop.write({"id": "i", "class": 1, "class_": 2}, schema)
    adoption = shop.adopt(without=frozenset({"class_"}))
    (published,) = taken(write(tmp_path, adoption), [({"id": "i", "class": 1, "class_": 2}, schema)], shop.topic)
    assert published == {"id": "i", "class_2": 1}
