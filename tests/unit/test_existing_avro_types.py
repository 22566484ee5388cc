"""Topics of others with several records of Avro, which their schema or a header distinguishes."""

import asyncio
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import fastavro
import pytest
from pydantic import ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from onex.agent.message.program import build_program
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Outgoing, ProtocolRecord
from onex.cli.messages import send as send_command
from onex.contract import parse_contract, resolve_node
from onex.dlq import Author, DeadLetterManager
from onex.errors import (
    ContractError,
    MessageError,
    PoisonError,
    RejectedError,
    SchemaMismatchError,
    SchemaPendingError,
)
from onex.mesh.connection import Connection
from onex.mesh.states import StateReader
from onex.model.contract import Case, ModelBoundTopic
from onex.model.message import Message
from onex.provisioning.declared import declare
from onex.provisioning.foreign import create_foreign
from onex.provisioning.provision import make_plan
from onex.provisioning.sample import sample_warnings
from onex.schema import TopicCodecs
from onex.schema.foreign_codecs import ForeignAvroCodec
from onex.schema.message_types import type_reader
from onex.schema.record_names import branch_of, named, names_text, record_names
from onex.schema.references import with_references
from onex.schema.resolving import unwritable
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import MeshDriver, run_case
from onex.wire import dead_letter as d
from onex.wire.foreign_headers import headers_of
from tests.unit.test_existing_topics import letters, make
from tests.unit.test_existing_types import EXECUTE, REDUCE

TOPIC, NEWS = "shop.events", "shop.news"
PLACED, PAID, OPENED, CLOSED = "com.shop.OrderPlaced", "com.shop.OrderPaid", "com.news.Opened", "com.news.Closed"
REDUCER = f"""\
name: node_NAME_reducer
node_type: REDUCER
contract_version: {{major: 1, minor: 0, patch: 0}}
event_bus:
  subscribe_topics: [{TOPIC}]
  publish_topics: [{NEWS}]
  topics:
    {TOPIC}:
      messages: {{{PLACED}: Placed, {PAID}: Paid}}
      type: schema
      other_types: ignore
      format: avro
      subject: "{{record}}"
      key: order_id
    {NEWS}:
      messages: {{{OPENED}: Opened, {CLOSED}: Closed}}
      type: schema
      format: avro
      subject: "{{topic}}-{{record}}"
handler_routing:
  handlers:
    - {{event_model: Placed, handler: reduce_placed, output_events: [Opened]}}
    - {{event_model: Paid, handler: reduce_paid, output_events: [Closed]}}
"""
MODELS = '''\
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field

from onex.node import Message


class Money(BaseModel):
    """Both records have one."""

    amount: Decimal = Field(max_digits=9, decimal_places=2)


class Placed(Message, key="order_id"):
    """An order."""

    order_id: str
    total: int = 0
    price: Money | None = None
    day: date | None = None
    part: "Placed | None" = None


class Paid(Message, key="order_id"):
    """A payment."""

    order_id: str
    price: Money | None = None


class Opened(Message, key="order_id"):
    """There is an order."""

    order_id: str


class Closed(Message, key="order_id"):
    """It is paid."""

    order_id: str
    total: int


class Book(Message):
    """State."""

    total: int = 0
'''
MONEY: JsonValue = {
    "type": "record",
    "name": "Money",
    "namespace": "com.shop",
    "fields": [
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "currency", "type": "string"},
    ],
}


EFFECT = REDUCER.replace("reducer", "effect").replace("REDUCER", "EFFECT").replace("reduce_", "")


def record_of(full_name: str, *fields: JsonValue) -> dict[str, JsonValue]:
    namespace, _, name = full_name.rpartition(".")
    key: JsonValue = {"name": "order_id", "type": "string", "default": ""}
    return {"type": "record", "name": name, "namespace": namespace, "fields": [key, *fields]}


THEIR_PLACED = record_of(PLACED, {"name": "total", "type": "int"}, {"name": "price", "type": MONEY})
THEIR_PAID = record_of(PAID, {"name": "price", "type": MONEY}, {"name": "theirs", "type": "double"})
TIME: JsonValue = {"type": "long", "logicalType": "timestamp-millis"}
"""No date, which ``day`` is in another message: only the branch of a message has to fit it."""
THEIR_SHIPPED = record_of("com.shop.OrderShipped", {"name": "day", "type": TIME})
PRICE = {"amount": Decimal("1.50"), "currency": "EUR"}


def avro(schema_id: int, schema: JsonValue, data: object) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, data)  # type: ignore[arg-type]  # any JSON
    return b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()


def read_record(mesh: MeshDriver, record: ProtocolRecord) -> tuple[str, object]:
    """Return the name of the record in the schema that a record was written with, and its fields."""
    value = record.value() or b""
    schema = mesh.catalogue.schema_of(int.from_bytes(value[1:5], "big"))
    names = record_names(schema)
    at = branch_of(value, 5) if isinstance(schema, list) else 0
    data: object = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)  # type: ignore[arg-type]  # any JSON
    return names[at], data


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("avrotypes")
    make(root, "avrobook", REDUCER, MODELS, REDUCE)
    make(root, "avronews", EFFECT, MODELS, EXECUTE.replace("KIND", "effect"))
    make(root, "avrostrictbook", REDUCER.replace("      other_types: ignore\n", ""), MODELS, REDUCE)
    return root


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "node_avrobook_reducer" / "v1_0_0"


@pytest.fixture
def mesh(folder: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([folder])
    yield driver
    driver.close()


def publish(mesh: MeshDriver, schema: JsonValue, **data: object) -> None:
    (name,) = record_names(schema)
    schema_id = mesh.catalogue.register({name: schema})[name].id
    mesh.publish(TOPIC, avro(schema_id, schema, {"order_id": "a", **data}), b"k", [])


def test_the_record_of_the_schema_tells_messages_apart(mesh: MeshDriver) -> None:
    publish(mesh, THEIR_PLACED, total=7, price=PRICE)
    publish(mesh, THEIR_SHIPPED, day=0)
    publish(mesh, THEIR_PAID, price=PRICE, theirs=0.5)
    news = mesh.records(NEWS)
    assert [read_record(mesh, record) for record in news] == [
        (OPENED, {"order_id": "a"}),
        (CLOSED, {"order_id": "a", "total": 7}),
    ]
    assert {record.key() for record in news} == {b"a"}
    assert letters(mesh) == []
    assert [*StateReader(mesh.bus, mesh.catalogue, mesh.nodes[0]).scan()] == []
    models = mesh.nodes[0].models
    assert [message.total for message in mesh.published(models["Closed"])] == [7]  # type: ignore[attr-defined]  # Closed
    assert len(mesh.published(models["Opened"])) == 1


@pytest.mark.parametrize("name", ["avrobook_reducer", "avronews_effect"])
def test_a_record_waits_while_its_schema_is_looked_up(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known, asked = TopicCatalogue.schema_of, set[int]()

    def pending_at_first(catalogue: TopicCatalogue, schema_id: int) -> JsonValue:
        if schema_id in asked:
            return known(catalogue, schema_id)
        asked.add(schema_id)
        raise SchemaPendingError("not read yet")

    mesh = MeshDriver([root / f"node_{name}" / "v1_0_0"])
    monkeypatch.setattr(TopicCatalogue, "schema_of", pending_at_first)
    publish(mesh, THEIR_SHIPPED, day=0)
    publish(mesh, THEIR_PLACED, total=7, price=PRICE)
    publish(mesh, THEIR_PAID, price=PRICE, theirs=0.5)
    for _ in range(3):
        mesh.advance("1m")  # a pure node tries its batch again, and meets the next schema
    assert len(asked) == 3
    monkeypatch.undo()
    assert [read_record(mesh, record)[0] for record in mesh.records(NEWS)] == [OPENED, CLOSED]
    assert mesh.dead_letters() == []
    mesh.close()


def test_a_client_reads_and_writes_each_record_as_itself(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Outgoing] = []

    class Bus:
        async def publish(self, record: Outgoing) -> None:
            written.append(record)

    monkeypatch.setattr("onex.mesh.connection.open_bus", lambda _: mesh.bus)
    monkeypatch.setattr("onex.mesh.connection.open_async_bus", lambda _: Bus())
    monkeypatch.setattr("onex.mesh.connection.open_catalogue", lambda *_: mesh.catalogue)
    (node,) = mesh.nodes
    models = [node.models["Opened"], node.models["Closed"]]
    connection = Connection(Settings(bootstrap_servers="none:1"), [])
    connection._bound |= dict.fromkeys(node.contract.event_bus.topics, node.contract.event_bus)
    for model in models:
        total = {"total": 7} if model is models[1] else {}
        message = model.model_validate({"order_id": "a", **total})
        asyncio.run(connection.publish(message, NEWS, "id", "id", "", []))
    records = [MemoryRecord(NEWS, 0, 0, b"a", each.value, tuple(each.headers), 0) for each in written]
    assert [read_record(mesh, record)[0] for record in records] == [OPENED, CLOSED]
    assert [[connection.is_of(model, record) for record in records] for model in models] == [
        [True, False],
        [False, True],
    ]


@pytest.mark.parametrize(("message", "published"), [("Placed", OPENED), ("Paid", CLOSED)])
def test_a_command_line_sends_each_message_as_itself(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch, message: str, published: str
) -> None:
    monkeypatch.setattr(send_command, "resolve_all", lambda _: mesh.nodes)
    monkeypatch.setattr(send_command, "open_own_bus", lambda _: mesh.bus)
    monkeypatch.setattr(send_command, "open_catalogue", lambda *_: mesh.catalogue)
    monkeypatch.setattr(send_command, "note_command", lambda *_: None)
    send_command.send(message, '{"order_id": "a"}')
    mesh.run_until_idle()
    assert [read_record(mesh, record)[0] for record in mesh.records(NEWS)] == [published]


@pytest.mark.parametrize(
    ("value", "failure_class", "words"),
    [
        (None, "rejected", "tombstone"),
        (b"", "rejected", "tombstone"),
        (b'{"order_id": "a"}', "poison", "no Avro in Confluent wire format"),
        (b"\x00\x00\x00", "poison", "no Avro in Confluent wire format"),
        (b"\x00\x00\x00\x27\x0f", "schema", "schema id 9999"),
        ("shortened", "poison", "not Avro of schema"),
        ("primitive", "rejected", "the type of the record is none of com.shop.OrderPlaced, com.shop.OrderPaid"),
        ("unqualified", "rejected", "the type of the record is none of"),
    ],
)
def test_a_record_without_a_listed_record_is_a_dead_letter(
    root: Path, value: bytes | str | None, failure_class: str, words: str
) -> None:
    mesh = MeshDriver([root / "node_avrostrictbook_reducer" / "v1_0_0"])
    ids = mesh.catalogue.register({"a": THEIR_PLACED, "b": "string", "c": record_of("OrderPlaced")})
    match value:
        case "shortened":
            value = b"\x00" + ids["a"].id.to_bytes(4, "big") + b"\x02"
        case "primitive":
            value = avro(ids["b"].id, "string", "text")
        case "unqualified":
            value = avro(ids["c"].id, record_of("OrderPlaced"), {"order_id": "a"})
    assert not isinstance(value, str)
    mesh.publish(TOPIC, value, b"k", [])
    (record,), (letter,) = mesh.dead_letters(), letters(mesh)
    assert (record.value(), letter[d.CLASS]) == (value, failure_class)
    assert words in letter[d.MESSAGE]
    mesh.close()


def union_of(mesh: MeshDriver) -> JsonValue:
    """Return the schema of a subject for the whole topic, which refers to others, as the registry delivers it."""
    from onex.schema.references import Reference, Referring

    parts = {PLACED: THEIR_PLACED, PAID: THEIR_PAID, "com.shop.OrderShipped": THEIR_SHIPPED}
    references = [Reference(name, name, 1) for name in parts]
    return with_references(Referring([*parts], references), lambda reference: Referring(parts[reference.name]))


UNION = REDUCER.replace('      subject: "{record}"\n', "").replace('      subject: "{topic}-{record}"\n', "")


def test_a_union_at_the_top_names_the_record_by_its_branch(tmp_path: Path) -> None:
    folder = make(tmp_path, "avrounionbook", UNION, MODELS, REDUCE)
    first = MeshDriver([])
    declared = declare([resolve_node(folder)], 1)
    create_foreign(declared, first.bus, first.catalogue)
    assert not make_plan(declared, first.bus, first.catalogue).refused
    (stand_in,) = first.catalogue.versions([f"{TOPIC}-value"])[f"{TOPIC}-value"]
    assert record_names(json.loads(stand_in.text)) == (PLACED, PAID)
    assert stand_in.text.count('"name":"Money"') == 1  # Avro allows one definition of a name
    union = union_of(first)
    schema_id = first.catalogue.register({f"{TOPIC}-value": union})[f"{TOPIC}-value"].id
    assert not make_plan(declared, first.bus, first.catalogue).refused
    mesh = MeshDriver([folder], shared=first)
    for name, data in (
        (PLACED, {"total": 7, "price": PRICE}),
        ("com.shop.OrderShipped", {"day": 0}),
        (PAID, {"price": PRICE, "theirs": 0.5}),
    ):
        mesh.publish(TOPIC, avro(schema_id, union, (name, {"order_id": "a", **data})), b"k", [])
    # The stand-in of the published topic is a union, too.
    assert [read_record(mesh, record) for record in mesh.records(NEWS)] == [
        (OPENED, {"order_id": "a"}),
        (CLOSED, {"order_id": "a", "total": 7}),
    ]
    for body in (b"\x06", b"\x01", b"", b"\x80\x80\x80\x80\x80\x80"):
        mesh.publish(TOPIC, b"\x00" + schema_id.to_bytes(4, "big") + body, b"k", [])
    assert [letter[d.CLASS] for letter in letters(mesh)] == ["poison"] * 4
    first.close()


class One(Message):
    """A record with the fields of another."""

    text: str


class Other(Message):
    """Distinguished from the first by its name only."""

    text: str


def test_the_name_decides_the_branch_that_is_written(mesh: MeshDriver) -> None:
    schema_id = mesh.catalogue.register({"both": [record_of("a.One", TEXT), record_of("a.Other", TEXT)]})["both"].id
    unwritable = (One.model_construct(text="\ud800"), Other.model_construct(text="\ud800"))
    for at, (model, other) in enumerate(zip((One, Other), unwritable, strict=True)):
        codec = ForeignAvroCodec(model, "both", mesh.catalogue, f"a.{model.__name__}")
        value = codec.encode(model.model_validate({"text": "x"}))
        assert value == b"\x00" + schema_id.to_bytes(4, "big") + bytes([at * 2, 0, 2]) + b"x"
        assert codec.decode(value) == model.model_validate({"text": "x"})
        with pytest.raises(RejectedError, match=f"{model.__name__}: text: does not fit the schema of both"):
            codec.encode(other)


TEXT: JsonValue = {"name": "text", "type": "string"}


def test_a_plan_checks_the_subject_of_each_message(folder: Path, tmp_path: Path) -> None:
    mesh = MeshDriver([])
    declared = declare([resolve_node(folder)], 1)

    def refused() -> dict[str, str]:
        return {change.subject: change.detail for change in make_plan(declared, mesh.bus, mesh.catalogue).refused}

    of_news = [f"{NEWS}-{OPENED}", f"{NEWS}-{CLOSED}"]
    assert {*refused()} >= {PLACED, PAID, *of_news}
    create_foreign(declared, mesh.bus, mesh.catalogue)
    assert refused() == {}
    mesh.catalogue.register({PAID: record_of("com.shop.Other"), of_news[0]: record_of(OPENED, MONEY_FIELD)})
    assert refused() == {
        PAID: "version 2 has no record com.shop.OrderPaid, but com.shop.Other; name the record in messages",
        of_news[0]: "version 2 cannot be written: Opened lacks price; add the fields",
    }
    with pytest.raises(SchemaMismatchError, match="Opened lacks price"):
        build_program(resolve_node(folder), mesh.catalogue)
    mesh.catalogue.register({of_news[0]: record_of("com.news.Other")})
    with pytest.raises(SchemaMismatchError, match=r"has no record com.news.Opened, but com.news.Other"):
        build_program(resolve_node(folder), mesh.catalogue)
    wrong = record_of(OPENED)
    wrong["fields"][0]["type"] = {"type": "bytes", "logicalType": "decimal"}  # type: ignore[index,call-overload]  # a record
    mesh.catalogue.register({of_news[0]: wrong})
    assert refused()[of_news[0]] == "version 4 cannot be written: Opened: order_id: a decimal of precision None"
    lacking = record_of(PLACED)
    lacking["fields"][0]["name"] = "id"  # type: ignore[index,call-overload]  # a record
    mesh.catalogue.register({PLACED: lacking})
    assert refused()[PLACED].startswith("version 2 lacks Placed: order_id;")
    mesh.close()


MONEY_FIELD: JsonValue = {"name": "price", "type": MONEY}
BY_HEADER = (
    REDUCER.replace("type: schema", "type: {header: x-type}")
    .replace('      subject: "{record}"\n', f'      subjects: {{Placed: "{{topic}}-{PLACED}", Paid: {PAID}}}\n')
    .replace('      subject: "{topic}-{record}"\n', "      subjects: {Opened: opened, Closed: closed}\n")
)


def test_a_header_tells_messages_in_avro_apart(tmp_path: Path) -> None:
    folder = make(tmp_path, "avroheaderbook", BY_HEADER, MODELS, REDUCE)
    first = MeshDriver([])
    declared = declare([resolve_node(folder)], 1)
    assert [schema.subject for schema in declared.foreign_schemas] == [
        f"{TOPIC}-{PLACED}",
        PAID,
        "opened",
        "closed",
    ]
    create_foreign(declared, first.bus, first.catalogue)
    theirs = first.catalogue.register({PAID: THEIR_PAID, "opened": record_of("any.Name")})
    mesh = MeshDriver([folder], shared=first)
    mesh.send(mesh.nodes[0].models["Placed"].model_validate({"order_id": "a", "total": 7}))
    paid = avro(theirs[PAID].id, THEIR_PAID, {"order_id": "a", "price": PRICE, "theirs": 1.0})
    mesh.publish(TOPIC, paid, b"k", [("x-type", PAID.encode())])
    mesh.publish(TOPIC, paid, b"k", [("x-type", b"other")])
    news = mesh.records(NEWS)
    assert [(headers_of(record)["x-type"].decode(), *read_record(mesh, record)) for record in news] == [
        (OPENED, "any.Name", {"order_id": "a"}),
        (CLOSED, "onex.Closed", {"order_id": "a", "total": 7}),
    ]
    assert mesh.dead_letters() == []
    first.close()


def test_a_letter_is_edited_as_its_own_record(mesh: MeshDriver) -> None:
    schema = record_of(PLACED, {"name": "total", "type": "string"})
    schema_id = mesh.catalogue.register({"wrong": schema})["wrong"].id
    mesh.publish(TOPIC, avro(schema_id, schema, {"order_id": "a", "total": "x"}), b"k", [])
    manager = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me", "total"), "test")
    ((letter, _),) = manager.find()
    manager.edit(manager.prepare_edit(letter, {}, {"order_id": "a", "total": 5}))
    manager.replay([letter for letter, _ in manager.find()])
    mesh.run_until_idle()
    states = StateReader(mesh.bus, mesh.catalogue, mesh.nodes[0]).scan()
    assert {key: state.total for key, state in states} == {"a": 5}  # type: ignore[attr-defined]  # a Book


def test_tools_know_each_record(mesh: MeshDriver, folder: Path) -> None:
    case = {
        "name": "paid",
        "given": [{"Placed": {"order_id": "a", "total": 3, "price": {"amount": "1.50"}}}],
        "when": {"Paid": {"order_id": "a"}},
        "then": {"publishes": [{"Closed": {"order_id": "a", "total": 3}}]},
    }
    assert run_case(folder, Case.model_validate(case)) == ""
    publish(mesh, THEIR_PLACED, total=7, price=PRICE)
    publish(mesh, THEIR_SHIPPED, day=0)
    publish(mesh, THEIR_PAID, price=PRICE, theirs=0.5)
    assert [*sample_warnings(mesh.nodes, mesh.bus, mesh.catalogue)] == []
    (node,) = mesh.nodes
    codecs = TopicCodecs(
        node.contract.event_bus, [node.models["Opened"], node.models["Closed"]], NEWS, mesh.catalogue
    )
    read = [codecs.of(headers_of(record), record.value()) for record in mesh.records(NEWS)]
    assert [codec.model.__name__ for codec in read] == ["Opened", "Closed"]


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (REDUCER, "type: schema", "type: record", "write schema, {header: NAME} or {field: NAME}"),
        (REDUCER, "type: schema", "type: {}", "write either header or field"),
        (REDUCER, "format: avro", "format: json", "type: schema belongs to format: avro"),
        (REDUCER, f"{PLACED}: Placed", "order-placed: Placed", "'order-placed' in messages is no full name"),
        (REDUCER, '"{record}"', '"{name}"', "a subject has {topic} and {record} in braces"),
        (REDUCER, '"{record}"', '"{record"', "a subject has {topic} and {record} in braces"),
        (BY_HEADER, f"Paid: {PAID}", 'Paid: "{record}"', "only type: schema names the record of a message"),
        (
            BY_HEADER,
            "subjects: {Opened: opened, Closed: closed}",
            "subject: news",
            "write subjects: {Opened: SUBJECT}",
        ),
        (BY_HEADER, "Closed: closed", "Other: closed", "subjects has Other, which is not in messages"),
        (BY_HEADER, ", Closed: closed", "", "subjects lacks Closed"),
        (
            BY_HEADER,
            "      subjects: {Opened",
            "      subject: a\n      subjects: {Opened",
            "either subject or subjects",
        ),
        (
            BY_HEADER,
            f"messages: {{{OPENED}: Opened, {CLOSED}: Closed}}",
            "message: Opened",
            "subjects belongs to messages",
        ),
    ],
)
def test_contracts_that_cannot_work_are_refused(text: str, old: str, new: str, words: str) -> None:
    assert old in text
    with pytest.raises(ContractError) as raised:
        parse_contract(text.replace(old, new).replace("NAME", "avrobad"))
    found = [str(problem) for problem in raised.value.problems]
    assert any(words in problem for problem in found), found


def test_a_bound_topic_is_written_as_it_was_read() -> None:
    text = {"messages": {PLACED: "Placed"}, "type": "schema", "format": "avro", "subject": "{topic}-{record}"}
    bound = ModelBoundTopic.model_validate(text)
    assert bound.model_dump() == text
    assert (bound.subject_of("t", "Placed"), bound.record_of("Placed")) == (f"t-{PLACED}", PLACED)
    assert bound.type_headers("Placed") == []


def test_names_of_records() -> None:
    union: JsonValue = ["null", record_of("a.B"), {"type": "enum", "name": "x.E", "symbols": []}, {"type": "string"}]
    assert record_names(union) == ("null", "a.B", "x.E", "string")
    assert record_names({"type": "record", "name": "Plain", "namespace": "", "fields": []}) == ("Plain",)
    assert names_text([f"t{n}" for n in range(12)]).endswith("t9 and 2 others")
    assert names_text([]) == "nothing"
    deep: JsonValue = "string"
    for _ in range(5000):
        deep = {"type": deep}
    assert record_names([deep, 7]) == ("string", "")
    tree = record_of("onex.Tree", {"name": "next", "type": ["null", {"type": "array", "items": "Tree"}]})
    renamed = named(tree, "Root")
    assert record_names(renamed) == ("Root",)
    assert "Tree" not in json.dumps(renamed)
    assert fastavro.parse_schema(renamed)


def test_the_place_of_a_branch() -> None:
    assert [branch_of(bytes(raw), 0) for raw in ([2], [0], [0x80, 1], [1])] == [1, 0, 64, -1]
    for raw in (b"", b"\x80", b"\x80" * 9):
        with pytest.raises(PoisonError):
            branch_of(raw, 0)


def test_a_type_needs_the_schema_of_its_writer(mesh: MeshDriver) -> None:
    bound = mesh.nodes[0].contract.event_bus.topics[TOPIC]
    type_of = type_reader(bound, mesh.catalogue)
    assert type_of is not None
    with pytest.raises(MessageError, match="schema id 77"):
        type_of(lambda _: b"", b"\x00\x00\x00\x00\x4d\x02a")


def test_a_default_that_fastavro_refuses_does_not_stop_a_writer(mesh: MeshDriver) -> None:
    lax: JsonValue = {"name": "weight", "type": {"type": "double"}, "default": 0}
    record = record_of("a.One", TEXT, lax)
    schema_id = mesh.catalogue.register({"lax": record})["lax"].id
    value = ForeignAvroCodec(One, "lax", mesh.catalogue, "a.One").encode(One(text="x"))
    assert value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    assert value.endswith(b"\x02x" + bytes(8))


class Line(Message):
    """A part of an order, whose name in Avro no name in Python can be."""

    class_: str = Field(alias="class")
    count: int = 0


class Basket(Message):
    """An order with two lists of lines."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    basket_id: str
    main_lines: list[Line] = []
    more_lines: list[Line] = []


def lines(of: JsonValue, name: str) -> JsonValue:
    return {"name": name, "type": {"type": "array", "items": of}, "default": []}


def line(name: str, *fields: str) -> JsonValue:
    texts: list[JsonValue] = [{"name": field, "type": "string"} for field in fields]
    return {"type": "record", "name": name, "fields": [*texts, {"name": "count", "type": "int", "default": 0}]}


def basket(key: str, *fields: JsonValue) -> dict[str, JsonValue]:
    return {"type": "record", "name": "com.shop.Basket", "fields": [{"name": key, "type": "string"}, *fields]}


BY_ALIAS = basket("basketId", lines(line("Line", "class"), "mainLines"), lines("Line", "moreLines"))
BY_NAME = basket("basket_id", lines(line("Line", "class_"), "main_lines"), lines("Line", "more_lines"))


@pytest.mark.parametrize("schema", [BY_ALIAS, BY_NAME])
def test_fields_are_written_by_their_aliases_or_by_their_names(mesh: MeshDriver, schema: JsonValue) -> None:
    mesh.catalogue.register({"baskets": schema})
    assert unwritable(schema, Basket) == ""  # type: ignore[arg-type]  # a schema
    codec = ForeignAvroCodec(Basket, "baskets", mesh.catalogue)
    sent = Basket(basket_id="b", main_lines=[Line.model_validate({"class": "x"})])
    value = codec.encode(sent)
    assert value[5:] == b"\x02b\x02\x02x\x00\x00\x00"
    assert codec.decode(value) == sent


def test_a_schema_with_names_and_aliases_is_refused(mesh: MeshDriver) -> None:
    mixed = basket("basketId", lines(line("Line", "class_"), "mainLines"), lines("Line", "moreLines"))
    mesh.catalogue.register({"mixed": mixed})
    codec = ForeignAvroCodec(Basket, "mixed", mesh.catalogue)
    with pytest.raises(SchemaMismatchError, match=r"version 1 of mixed: Basket.basket_id: is basketId there, and"):
        codec.prepare()
    assert unwritable(basket("basketId"), Basket) == (
        "it lacks mainLines, moreLines of Basket; remove the fields, or have them added there"
    )


@pytest.mark.parametrize(("first", "second"), [("class_", "class"), ("class", "class_")])
def test_each_record_of_a_writer_has_its_own_names(mesh: MeshDriver, first: str, second: str) -> None:
    """Two records that are read as one message."""
    both = basket("basketId", lines(line("A", first), "mainLines"), lines(line("B", second), "moreLines"))
    schema_id = mesh.catalogue.register({"both": both})["both"].id
    data = {"basketId": "b", "mainLines": [{first: "o", "count": 1}], "moreLines": [{second: "n", "count": 2}]}
    read = ForeignAvroCodec(Basket, "both", mesh.catalogue).decode(avro(schema_id, both, data))
    assert read == Basket.model_validate(
        {"basketId": "b", "mainLines": [{"class": "o", "count": 1}], "moreLines": [{"class": "n", "count": 2}]}
    )
