"""Topics of others with several messages, which a header or a field distinguishes, for each kind of node."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Outgoing
from onex.contract import parse_contract, resolve_node
from onex.contract.inputs import inputs_of
from onex.dlq import Author, DeadLetterManager
from onex.errors import ContractError
from onex.mesh.connection import Connection
from onex.mesh.states import StateReader
from onex.model.contract import Case
from onex.schema import TopicCodecs
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import MeshDriver, run_case
from onex.wire import dead_letter as d
from onex.wire.foreign_headers import headers_of
from onex.wire.retry import UNTRIED, moved_record
from tests.unit.test_existing_topics import letters, make

TOPIC = "shop.events"
REDUCER = """\
name: node_NAME_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.events]
  publish_topics: [shop.news]
  topics:
    shop.events:
      messages: {order.placed: Placed, order.paid: Paid}
      type: {field: type}
      other_types: ignore
      format: json
      key: order_id
    shop.news:
      messages: {opened: Opened, closed: Closed}
      type: {header: kind}
      format: json
handler_routing:
  handlers:
    - {event_model: Placed, handler: reduce_placed, output_events: [Opened]}
    - {event_model: Paid, handler: reduce_paid, output_events: [Closed]}
"""
MODELS = '''\
from typing import Literal

from onex.node import Message


class Placed(Message, key="order_id"):
    """Told apart by a field that it has."""

    type: Literal["order.placed"] = "order.placed"
    order_id: str
    total: int = 0


class Paid(Message, key="order_id"):
    """Told apart by a field that it has not."""

    order_id: str


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
REDUCE = """\
from node_NAME_reducer.v1_0_0.models import Book, Closed, Opened, Paid, Placed
from onex.node import Context, NodeReducer, Reduction


class NodeBook(NodeReducer[Book]):
    def reduce_placed(self, state: Book | None, event: Placed, context: Context) -> Reduction[Book]:
        return Reduction(Book(total=event.total), intents=[Opened(order_id=event.order_id)])

    def reduce_paid(self, state: Book | None, event: Paid, context: Context) -> Reduction[Book]:
        total = state.total if state else -1
        return Reduction(None, intents=[Closed(order_id=event.order_id, total=total)])
"""
EFFECT = """\
name: node_NAME_KIND
node_type: UPPER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.events]
  publish_topics: [shop.news]
  topics:
    shop.events:
      messages: {order.placed: Placed, order.paid: Paid}
      type: {header: x-type}
      other_types: ignore
      format: json
    shop.news: {messages: {opened: Opened, closed: Closed}, type: {header: kind}, format: json}
handler_routing:
  handlers:
    - {event_model: Placed, handler: placed, output_events: [Opened]}
    - {event_model: Paid, handler: paid, output_events: [Closed]}
"""
EXECUTE = """\
from node_NAME_KIND.v1_0_0.models import Closed, Opened, Paid, Placed
from onex.node import Context, NodeCompute, NodeEffect


class NodeEffectNews(NodeEffect):
    async def placed(self, request: Placed, context: Context) -> Opened:
        return Opened(order_id=request.order_id)

    async def paid(self, request: Paid, context: Context) -> Closed:
        return Closed(order_id=request.order_id, total=1)
"""
COMPUTE = """\
from node_NAME_KIND.v1_0_0.models import Closed, Opened, Paid, Placed
from onex.node import NodeCompute


class NodeComputeNews(NodeCompute[Placed | Paid, Opened | Closed]):
    def placed(self, request: Placed) -> Opened:
        return Opened(order_id=request.order_id)

    def paid(self, request: Paid) -> Closed:
        return Closed(order_id=request.order_id, total=1)
"""


def kind_of(root: Path, name: str, kind: str, code: str) -> Path:
    contract = EFFECT.replace("KIND", kind).replace("UPPER", kind.upper())
    return make(root, name, contract, MODELS, code.replace("KIND", kind))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("types")
    make(root, "foreignbook", REDUCER, MODELS, REDUCE)
    kind_of(root, "foreignnews", "effect", EXECUTE)
    kind_of(root, "foreignnews", "compute", COMPUTE)
    return root


@pytest.fixture
def reducer(root: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([root / "node_foreignbook_reducer" / "v1_0_0"])
    yield driver
    driver.close()


def event(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def news(mesh: MeshDriver) -> list[tuple[bytes, object]]:
    return [
        (dict(record.headers() or [])["kind"], json.loads(record.value() or b""))
        for record in mesh.records("shop.news")
    ]


def test_a_field_tells_messages_apart(reducer: MeshDriver) -> None:
    reducer.publish(TOPIC, event(type="order.placed", order_id="a", total=7, more=1), None, [])
    reducer.publish(TOPIC, event(type="order.shipped", id=1), None, [])
    reducer.publish(TOPIC, event(order_id="a", type="order.paid"), b"x", [])
    assert news(reducer) == [(b"opened", {"order_id": "a"}), (b"closed", {"order_id": "a", "total": 7})]
    assert letters(reducer) == []
    assert [*StateReader(reducer.bus, reducer.catalogue, reducer.nodes[0]).scan()] == []
    models = reducer.nodes[0].models
    assert [message.total for message in reducer.published(models["Closed"])] == [7]  # type: ignore[attr-defined]  # Closed
    assert len(reducer.published(models["Opened"])) == 1


@pytest.mark.parametrize(
    ("value", "failure_class", "words"),
    [
        (None, "rejected", "tombstone"),
        (b"{", "poison", "no JSON"),
        (b"[]", "rejected", "no text in type"),
        (b'{"type": 1}', "rejected", "no text in type"),
        (b"{}", "rejected", "no text in type"),
        (b"[" * 5000, "poison", "no JSON"),
        (b'{"type": "order.placed"}', "rejected", "order_id"),
    ],
)
def test_a_record_without_a_readable_type_is_a_dead_letter(
    reducer: MeshDriver, value: bytes | None, failure_class: str, words: str
) -> None:
    reducer.publish(TOPIC, value, b"k", [])
    (record,), (letter,) = reducer.dead_letters(), letters(reducer)
    assert (record.value(), letter[d.CLASS]) == (value, failure_class)
    assert words in letter[d.MESSAGE]


@pytest.mark.parametrize("kind", ["effect", "compute"])
def test_a_header_tells_messages_apart(root: Path, kind: str) -> None:
    mesh = MeshDriver([root / f"node_foreignnews_{kind}" / "v1_0_0"])
    for text in (b"order.placed", b"order.shipped", b"order.paid", b"order.shipped"):
        mesh.publish(TOPIC, event(order_id="a"), b"a", [("x-type", text)], run=False)
    mesh.run_until_idle()
    assert news(mesh) == [(b"opened", {"order_id": "a"}), (b"closed", {"order_id": "a", "total": 1})]
    mesh.publish(TOPIC, event(order_id="a"), b"a", [])
    mesh.publish(TOPIC, event(order_id="a"), b"a", [("x-type", b"\xff")])
    assert [letter[d.CLASS] for letter in letters(mesh)] == ["rejected", "rejected"]
    (instance,) = mesh.instances
    mesh.crash(instance)
    mesh.add_instance(mesh.nodes[0].node_class)
    mesh.run_until_idle()
    assert len(mesh.records("shop.news")) == 2
    assert len(mesh.dead_letters()) == 2
    mesh.close()


@pytest.mark.parametrize("kind", ["effect", "compute"])
def test_a_replay_of_a_type_that_is_ignored_now_is_done(root: Path, kind: str) -> None:
    mesh = MeshDriver([root / f"node_foreignnews_{kind}" / "v1_0_0"])
    letter = MemoryRecord(TOPIC, 0, 0, b"a", event(order_id="a"), (("x-type", b"order.shipped"),), 0)
    topic, value, key, headers = moved_record(mesh.nodes[0].contract.retry_topic, letter, b"m-1", UNTRIED)
    mesh.publish(topic, value, key, headers)
    mesh.publish(TOPIC, event(order_id="a"), b"a", [("x-type", b"order.placed")])
    assert (news(mesh), mesh.dead_letters()) == ([(b"opened", {"order_id": "a"})], [])
    mesh.close()


def test_other_types_are_refused_unless_the_contract_ignores_them(root: Path) -> None:
    text = REDUCER.replace("      other_types: ignore\n", "")
    mesh = MeshDriver([make(root, "foreignstrictbook", text, MODELS, REDUCE)])
    mesh.publish(TOPIC, event(type="order.shipped"), b"k", [])
    (letter,) = letters(mesh)
    assert letter[d.MESSAGE] == "the type of the record is none of order.placed, order.paid"
    mesh.close()


def test_a_letter_is_edited_as_its_own_message(reducer: MeshDriver) -> None:
    reducer.publish(TOPIC, event(type="order.placed", order_id="a", total="x"), b"q", [])
    manager = DeadLetterManager(
        reducer.bus, TopicCatalogue(reducer.bus), reducer.nodes[0], Author("me", "total"), "test"
    )
    ((letter, _),) = manager.find()
    manager.edit(manager.prepare_edit(letter, {"total": "5"}))
    manager.replay([letter for letter, _ in manager.find()])
    reducer.run_until_idle()
    states = StateReader(reducer.bus, reducer.catalogue, reducer.nodes[0]).scan()
    assert {key: state.total for key, state in states} == {"a": 5}  # type: ignore[attr-defined]  # a Book


def test_tools_know_each_message(root: Path) -> None:
    node = resolve_node(root / "node_foreignbook_reducer" / "v1_0_0", "staging.")
    assert [(entry.message, entry.topic) for entry in inputs_of(node)] == [("Placed", TOPIC), ("Paid", TOPIC)]
    assert [route.method for route in node.all_routes] == ["reduce_placed", "reduce_paid"]
    assert [*node.triggers] == ["Placed", "Paid"]
    case = {
        "name": "paid",
        "given": [{"Placed": {"order_id": "a", "total": 3}}],
        "when": {"Paid": {"order_id": "a"}},
        "then": {"publishes": [{"Closed": {"order_id": "a", "total": 1}}]},
    }
    assert run_case(root / "node_foreignnews_effect" / "v1_0_0", Case.model_validate(case)) == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("      type: {field: type}\n", "", "messages need the place of their type"),
        ("{field: type}", "{field: type, header: x}", "write either header or field"),
        ("{field: type}", "{header: onex-attempt}", "is a header of the engine"),
        ("order.paid: Paid}", "order.paid: Placed}", "messages has Placed twice"),
        ("messages: {order.placed: Placed, order.paid: Paid}", "message: Placed", "other_types belongs to messages"),
        ("messages: {order.placed: Placed, order.paid: Paid}", "messages: {}", "names no message"),
        ("{order.placed: Placed", '{"": Placed', "a type in messages has 1 to"),
        (
            "format: json\n      key: order_id",
            "format: avro\n      key: order_id",
            "type.field belongs to format: json",
        ),
    ],
)
def test_types_that_are_none_are_refused(old: str, new: str, words: str) -> None:
    assert old in REDUCER
    with pytest.raises(ContractError) as raised:
        parse_contract(REDUCER.replace(old, new).replace("NAME", "foreignbad"))
    found = [str(problem) for problem in raised.value.problems]
    assert any(words in problem for problem in found), found


def test_messages_need_handlers_and_written_ones_their_field(tmp_path: Path) -> None:
    text = REDUCER.replace("    - {event_model: Paid, handler: reduce_paid, output_events: [Closed]}\n", "")
    with pytest.raises(ContractError, match="nothing handles Paid"):
        resolve_node(make(tmp_path, "foreignunhandled", text, MODELS, REDUCE))
    text = REDUCER.replace("type: {header: kind}", "type: {field: kind}")
    with pytest.raises(ContractError, match="Opened does not say 'opened' in kind"):
        resolve_node(make(tmp_path, "foreignunwritten", text, MODELS, REDUCE))


def test_a_client_reads_and_writes_each_message_of_a_topic_as_itself(
    reducer: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Outgoing] = []

    class Bus:
        async def publish(self, record: Outgoing) -> None:
            written.append(record)

    monkeypatch.setattr("onex.mesh.connection.open_bus", lambda _: reducer.bus)
    monkeypatch.setattr("onex.mesh.connection.open_async_bus", lambda _: Bus())
    monkeypatch.setattr("onex.mesh.connection.open_catalogue", lambda *_: reducer.catalogue)
    (node,) = reducer.nodes
    opened, closed = node.models["Opened"], node.models["Closed"]
    messages = [opened.model_validate({"order_id": "a"}), closed.model_validate({"order_id": "a", "total": 7})]
    connection = Connection(Settings(bootstrap_servers="none:1"), [])
    connection._bound |= dict.fromkeys(node.contract.event_bus.topics, node.contract.event_bus)

    async def scene() -> None:
        for message in messages:
            await connection.publish(message, "shop.news", "id", "id", "", [])

    asyncio.run(scene())
    assert [json.loads(record.value or b"") for record in written] == [
        {"order_id": "a"},
        {"order_id": "a", "total": 7},
    ]
    records = [MemoryRecord("shop.news", 0, 0, b"a", each.value, tuple(each.headers), 0) for each in written]
    assert [connection.is_of(opened, record) for record in records] == [True, False]
    assert [connection.is_of(closed, record) for record in records] == [False, True]
    codecs = TopicCodecs(node.contract.event_bus, [opened, closed], "shop.news", reducer.catalogue)
    decoded = [codecs.of(headers_of(record), record.value()).decode(record.value()) for record in records]
    assert decoded == messages
    assert (codecs.named("Closed"), codecs.named("Other")) == (closed, None)
