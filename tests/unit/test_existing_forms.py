"""Topics of others in Avro with schemas of their own, and in bytes."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import fastavro
import pytest
from pydantic import JsonValue

from onex.agent.message.program import build_program
from onex.contract import parse_contract, resolve_node
from onex.errors import ContractError, SchemaMismatchError
from onex.model.contract import Case
from onex.provisioning.declared import declare
from onex.provisioning.foreign import create_foreign
from onex.provisioning.provision import make_plan
from onex.testing import MeshDriver, run_case
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.unit.test_existing_topics import letters, make

TOPIC, SUBJECT = "shop.orders", "shop.orders-com.shop.Order"
AVRO = f"""\
name: node_NAME_compute
node_type: COMPUTE
contract_version: {{major: 1, minor: 0, patch: 0}}
event_bus:
  subscribe_topics: [{TOPIC}]
  publish_topics: [shop.seen]
  topics:
    {TOPIC}: {{message: Order, format: avro, subject: {SUBJECT}, key: order_id, correlation: {{field: order_id}}}}
    shop.seen: {{message: Seen, format: json}}
input_model: Order
output_model: Seen
"""
AVRO_MODELS = '''\
from datetime import datetime
from decimal import Decimal

from pydantic import Field

from onex.node import Message


class Line(Message):
    """A line."""

    sku: str
    price: Decimal = Field(max_digits=12, decimal_places=2)


class Order(Message, key="order_id"):
    """An order."""

    order_id: str
    status: str
    lines: list[Line]
    checksum: bytes = b""
    at: datetime | None = None
    channel: str = "web"


class Seen(Message, key="order_id"):
    """All of it."""

    order_id: str
    text: str
'''
AVRO_NODE = """\
from node_NAME_compute.v1_0_0.models import Order, Seen
from onex.node import NodeCompute


class NodeSee(NodeCompute[Order, Seen]):
    def compute(self, request: Order) -> Seen:
        return Seen(order_id=request.order_id, text=request.model_dump_json())
"""
BLOB = """\
name: node_NAME_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.scans]
  publish_topics: [shop.copies]
  topics:
    shop.scans: {message: Scan, format: bytes}
    shop.copies: {message: Copy, format: bytes}
input_model: Scan
output_model: Copy
"""
BLOB_MODELS = '''\
from onex.node import Message


class Scan(Message):
    """A file of a scanner."""

    content: bytes


class Copy(Message):
    """The same, backwards."""

    content: bytes
'''
BLOB_NODE = """\
from node_NAME_compute.v1_0_0.models import Copy, Scan
from onex.node import NodeCompute


class NodeCopy(NodeCompute[Scan, Copy]):
    def compute(self, request: Scan) -> Copy:
        return Copy(content=request.content[::-1])
"""
THEIRS: JsonValue = {
    "type": "record",
    "namespace": "com.shop",
    "name": "Order",
    "fields": [
        {"name": "id", "aliases": ["order_id"], "type": "string"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["OPEN", "PAID"]}},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "OrderLine",
                    "fields": [
                        {"name": "sku", "type": "string"},
                        {
                            "name": "price",
                            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
                        },
                        {"name": "theirs", "type": "int"},
                    ],
                },
            },
        },
        {"name": "checksum", "type": {"type": "fixed", "name": "Sum", "size": 4}},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        {"name": "internal", "type": "double"},
    ],
}
ORDER = {
    "id": "o-1",
    "status": "PAID",
    "lines": [{"sku": "a", "price": "12.50", "theirs": 1}],
    "checksum": b"\x00\x01\x02\x03",
    "at": 1_700_000_000_123,
    "internal": 0.5,
}


def theirs(mesh: MeshDriver, schema: JsonValue = THEIRS, subject: str = SUBJECT) -> int:
    """Registers a schema as their own tools do."""
    return mesh.catalogue.register({subject: schema})[subject].id


def written(schema_id: int, order: dict[str, object], schema: JsonValue = THEIRS) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, order)  # type: ignore[arg-type]  # any JSON
    return b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()


def order(**changes: object) -> dict[str, object]:
    from decimal import Decimal

    return {**ORDER, "lines": [{"sku": "a", "price": Decimal("12.50"), "theirs": 1}], **changes}


@pytest.fixture(scope="module")
def avro_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("avro"), "foreignavro", AVRO, AVRO_MODELS, AVRO_NODE)


@pytest.fixture
def avro(avro_folder: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([avro_folder])
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("blob"), "foreignblob", BLOB, BLOB_MODELS, BLOB_NODE)


@pytest.fixture
def blob(blob_folder: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([blob_folder])
    yield driver
    driver.close()


def test_avro_of_another_writer_becomes_the_message(avro: MeshDriver) -> None:
    value = written(theirs(avro), order())
    avro.publish(TOPIC, value, b"\x00\x00\x00\x00\x07\x06o-1", [])
    (record,) = avro.records("shop.seen")
    assert record.key() == b"o-1"
    assert dict(record.headers() or [])[h.CORRELATION] == b"o-1"
    assert json.loads(json.loads(record.value() or b"")["text"]) == {
        "order_id": "o-1",
        "status": "PAID",
        "lines": [{"sku": "a", "price": "12.50"}],
        "checksum": "AAECAw==",
        "at": "2023-11-14T22:13:20.123000Z",
        "channel": "web",
    }


def test_records_with_our_own_schema_are_read_too(avro: MeshDriver) -> None:
    model = avro.nodes[0].models["Order"]
    avro.send(model.model_validate({"order_id": "o-2", "status": "x", "lines": []}))
    assert [record.key() for record in avro.records("shop.seen")] == [b"o-2"]


@pytest.mark.parametrize(
    ("value", "failure_class"),
    [
        (None, "rejected"),
        (b"", "rejected"),
        (b'{"order_id": "a"}', "poison"),
        (b"\x00\x00\x00", "poison"),
        (b"\x00\x00\x00\xff\xff\x06o-1", "schema"),
        (b"\x00\x00\x00\x00\x00\x06o-1", "schema"),
        ("cut", "poison"),
        ("more", "poison"),
        ("another", "schema"),
    ],
)
def test_hostile_avro_is_a_dead_letter_with_its_bytes(
    avro: MeshDriver, value: bytes | str | None, failure_class: str
) -> None:
    whole = written(theirs(avro), order())
    other: JsonValue = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "int"}]}
    match value:
        case "cut":
            value = whole[:12]
        case "more":
            value = whole + b"\x00"
        case "another":
            value = written(theirs(avro, other, "other"), {"x": 1}, other)
    assert not isinstance(value, str)
    avro.publish(TOPIC, value, b"k", [])
    avro.advance("10s")
    (record,), (letter,) = avro.dead_letters(), letters(avro)
    assert (record.value(), letter[d.CLASS]) == (value, failure_class)


WRITTEN: JsonValue = {
    "type": "record",
    "namespace": "com.shop",
    "name": "Priced",
    "fields": [
        {"name": "order_id", "type": "string"},
        {"name": "status", "type": {"type": "enum", "name": "S", "symbols": ["OPEN", "PAID"]}},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        {"name": "id", "type": "string"},
        {"name": "sum", "type": {"type": "fixed", "name": "F", "size": 2}},
        {"name": "source", "type": "string", "default": "mesh"},
    ],
}
WRITER_MODELS = '''\
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from pydantic import Field

from onex.node import Message


class Status(Enum):
    OPEN = "OPEN"
    PAID = "PAID"


class Ask(Message, key="order_id"):
    """Asks."""

    order_id: str
    total: Decimal = Field(max_digits=12, decimal_places=3)
    micros: int = 0
    content: bytes = b"ab"


class Priced(Message, key="order_id"):
    """A price."""

    order_id: str
    status: Status
    total: Decimal = Field(max_digits=12, decimal_places=3)
    at: datetime | None
    id: UUID
    sum: bytes
'''
WRITER_NODE = """\
from datetime import UTC, datetime
from uuid import UUID

from node_NAME_compute.v1_0_0.models import Ask, Priced, Status
from onex.node import NodeCompute


class NodeWrite(NodeCompute[Ask, Priced]):
    def compute(self, request: Ask) -> Priced:
        return Priced(
            order_id=request.order_id,
            status=Status.PAID,
            total=request.total,
            at=datetime(2026, 1, 2, 3, 4, 5, request.micros, tzinfo=UTC),
            id=UUID(int=7),
            sum=request.content,
        )
"""
WRITER = """\
name: node_NAME_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.asks]
  publish_topics: [shop.priced]
  topics:
    shop.asks: {message: Ask, format: json}
    shop.priced: {message: Priced, format: avro, subject: com.shop.Priced}
input_model: Ask
output_model: Priced
"""


def test_messages_are_written_with_the_schema_of_others(tmp_path: Path) -> None:
    folder = make(tmp_path, "foreignwriter", WRITER, WRITER_MODELS, WRITER_NODE)
    first = MeshDriver([])
    declared = declare([resolve_node(folder)], 1)
    create_foreign(declared, first.bus, first.catalogue)
    schema_id = theirs(first, WRITTEN, "com.shop.Priced")
    mesh = MeshDriver([folder], shared=first)
    mesh.publish("shop.asks", b'{"order_id": "a", "total": "1.50", "micros": 123000}', b"a", [])
    (record,) = mesh.records("shop.priced")
    value = record.value() or b""
    assert value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    found = fastavro.schemaless_reader(io.BytesIO(value[5:]), WRITTEN)  # type: ignore[arg-type]  # any JSON
    assert {name: str(value) for name, value in found.items()} == {  # type: ignore[union-attr]  # a record
        "order_id": "a",
        "status": "PAID",
        "total": "1.50",
        "at": "2026-01-02 03:04:05.123000+00:00",
        "id": "00000000-0000-0000-0000-000000000007",
        "sum": "b'ab'",
        "source": "mesh",
    }
    assert record.key() == b"a"
    for wrong in ('"total": "1.505"', '"total": "1", "micros": 123456', '"total": "1", "content": "YQ=="'):
        mesh.publish("shop.asks", b'{"order_id": "b", %b}' % wrong.encode(), b"b", [])
    assert [(letter[d.CLASS], letter[d.STAGE]) for letter in letters(mesh)] == [("rejected", "encode")] * 3
    reasons = [letter[d.MESSAGE] for letter in letters(mesh)]
    assert [reason.partition(" of com.shop.Priced")[0] for reason in reasons] == [
        "Priced: total: does not fit the schema",
        "Priced: at: the schema",
        "Priced: sum: does not fit the schema",
    ], "each names the field, and no value"
    more, less = json.loads(json.dumps(WRITTEN)), json.loads(json.dumps(WRITTEN))
    more["fields"].append({"name": "theirs", "type": "int"})
    del less["fields"][1]
    for schema, words in ((more, "Priced lacks theirs"), (less, "it lacks status of Priced")):
        theirs(mesh, schema, "com.shop.Priced")
        (refused,) = make_plan(declared, mesh.bus, mesh.catalogue).refused
        assert (refused.subject, words in refused.detail) == ("com.shop.Priced", True)
        with pytest.raises(SchemaMismatchError, match=words):
            build_program(mesh.nodes[0], mesh.catalogue)
    first.close()


def test_a_plan_checks_their_schema(avro_folder: Path) -> None:
    mesh = MeshDriver([])
    declared = declare([resolve_node(avro_folder)], 1)

    def refused() -> dict[str, str]:
        return {change.subject: change.detail for change in make_plan(declared, mesh.bus, mesh.catalogue).refused}

    assert "is no subject of the registry" in refused()[SUBJECT]
    assert not [c for c in make_plan(declared, mesh.bus, mesh.catalogue).changes if c.subject == f"{TOPIC}-value"]
    create_foreign(declared, mesh.bus, mesh.catalogue)
    assert refused() == {}
    lacking = json.loads(json.dumps(THEIRS))
    del lacking["fields"][1], lacking["fields"][1]["type"]["items"]["fields"][0]
    theirs(mesh, lacking)
    assert refused()[SUBJECT].startswith("version 2 lacks Order: status, Line: sku;")
    theirs(mesh)
    assert refused() == {}
    theirs(
        mesh,
        {
            "type": "record",
            "name": "Order",
            "fields": [{"name": "at", "type": {"type": "int", "logicalType": "date"}}],
        },
    )
    assert "does not resolve to Order: Order: at: date of the writer" in refused()[SUBJECT]
    mesh.close()


def test_bytes_go_in_and_out(blob: MeshDriver) -> None:
    for value in (b"\x00\x01\xff", b"", b'{"content": 1}'):
        blob.publish("shop.scans", value, b"\xfe", [])
    found = blob.records("shop.copies")
    assert [record.value() for record in found] == [b"\xff\x01\x00", b"", b'}1 :"tnetnoc"{']
    assert {record.key() for record in found} == {b"\xfe"}
    assert dict(found[0].headers() or [])[h.CONTENT_TYPE] == h.BYTES
    blob.publish("shop.scans", None, b"k", [])
    assert [letter[d.CLASS] for letter in letters(blob)] == ["rejected"]


def test_cases_have_the_form_of_their_topic(blob_folder: Path, avro_folder: Path) -> None:
    scan = {
        "name": "x",
        "when": {"Scan": {"content": "AAE="}},
        "then": {"publishes": [{"Copy": {"content": "AQA="}}]},
    }
    assert run_case(blob_folder, Case.model_validate(scan)) == ""
    wrong = {"name": "y", "when": {"bytes": "7b7d"}, "then": {"dead_letter": {"class": "poison"}}}
    assert run_case(avro_folder, Case.model_validate(wrong)) == ""


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (AVRO, "format: avro,", "format: avro, unknown_fields: refuse,", "unknown_fields does not belong to format"),
        (AVRO, "Seen, format: json}", "Seen, format: json, subject: a}", "subject does not belong to format: json"),
        (BLOB, "Copy, format: bytes}", "Copy, format: bytes, key: content}", "key does not belong to format: bytes"),
        (AVRO.replace(TOPIC, "onex.evt.shop.orders.v1"), "x", "x", "topics of the mesh are Avro; remove format"),
    ],
)
def test_a_form_that_is_none_is_refused(text: str, old: str, new: str, words: str) -> None:
    assert old in text
    with pytest.raises(ContractError) as raised:
        parse_contract(text.replace(old, new).replace("NAME", "foreignbad"))
    found = [str(problem) for problem in raised.value.problems]
    assert any(words in problem for problem in found), found


def test_bytes_need_a_message_with_one_field(tmp_path: Path) -> None:
    models = BLOB_MODELS.replace("    content: bytes\n", "    content: bytes\n    name: str = ''\n", 1)
    with pytest.raises(ContractError, match="give it one field, of type bytes"):
        resolve_node(make(tmp_path, "foreigntwo", BLOB, models, BLOB_NODE))
