"""Topics that exist outside of the mesh: their JSON, keys, ids and correlation, on the in-memory host."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from onex.bus.protocols import ProtocolRecord
from onex.bus.topics import missing_topics
from onex.cli import provision
from onex.cli.node_lookup import find_addressee
from onex.codegen import package_files
from onex.contract import parse_contract, resolve_node
from onex.errors import ConfigurationError, ContractError, PoisonError, ProvisioningError
from onex.model.contract import Case
from onex.provisioning.declared import declare
from onex.provisioning.foreign import create_foreign
from onex.provisioning.provision import make_plan
from onex.provisioning.sample import sample_warnings
from onex.settings import Settings
from onex.testing import MeshDriver, run_case
from onex.wire import dead_letter as d
from onex.wire import headers as h

TOPIC = "shop.orders"
CONTRACT = """\
name: node_NAME_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.orders]
  publish_topics: [shop.prices]
  topics:
    shop.orders:
      message: Order
      format: json
      key: order_id
      unknown_fields: ignore
      correlation: {header: x-request-id, field: basket}
    shop.prices: {message: OrderPriced, format: json}
input_model: Order
output_model: OrderPriced
"""
MODELS = '''\
from decimal import Decimal

from pydantic import Field

from onex.node import Message


class Order(Message, key="order_id"):
    """An order of the shop."""

    order_id: str
    basket: str = ""
    lines: list[str] = []
    weight: float = 0.0
    number: int = 0


class OrderPriced(Message, key="order_id"):
    """Its price."""

    order_id: str
    total: Decimal = Field(max_digits=12, decimal_places=2)
    weight: float = 0.0
'''
NODE = """\
from decimal import Decimal

from node_NAME_compute.v1_0_0.models import Order, OrderPriced
from onex.node import NodeCompute


class NodePrice(NodeCompute[Order, OrderPriced]):
    def compute(self, request: Order) -> OrderPriced:
        if request.basket == "broken":
            raise ValueError("no price")
        return OrderPriced(order_id=request.order_id, total=Decimal(len(request.lines)), weight=request.weight)
"""


def make(root: Path, name: str, contract: str = CONTRACT, models: str = MODELS, node: str = NODE) -> Path:
    kind = contract.partition("\nnode_type: ")[2].partition("\n")[0].lower()
    folder = root / f"node_{name}_{kind}" / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    (folder / "contract.yaml").write_text(contract.replace("NAME", name))
    (folder / "models" / "__init__.py").write_text(models)
    (folder / "node.py").write_text(node.replace("NAME", name))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("foreign"), "foreignjson")


@pytest.fixture
def mesh(folder: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([folder])
    yield driver
    driver.close()


def headers_of(mesh: MeshDriver, topic: str) -> list[dict[str, bytes]]:
    return [dict(record.headers() or []) for record in mesh.records(topic)]


def letters(mesh: MeshDriver) -> list[dict[str, str]]:
    return [
        {name: value.decode(errors="replace") for name, value in record.headers() or []}
        for record in mesh.dead_letters()
    ]


def test_json_in_and_out(mesh: MeshDriver) -> None:
    value = b'{"order_id": "o-1", "lines": ["a", "b"], "their_own": {"x": 1}}'
    mesh.publish(TOPIC, value, b"another key", [("ce_type", b"com.shop.order"), ("note", b"\xff\xfe")])
    (record,) = mesh.records("shop.prices")
    assert json.loads(record.value() or b"") == {"order_id": "o-1", "total": "2", "weight": 0.0}
    assert record.key() == b"o-1"
    headers = dict(record.headers() or [])
    assert (headers[h.CONTENT_TYPE], headers[h.TYPE]) == (h.JSON, b"shop.prices")
    assert mesh.dead_letters() == []


def test_an_id_follows_from_the_place_and_is_the_correlation(mesh: MeshDriver) -> None:
    mesh.publish(TOPIC, b'{"order_id": "o-1"}', None, [])
    (headers,) = headers_of(mesh, "shop.prices")
    (record,) = mesh.records(TOPIC)
    assert headers[h.CAUSATION] == f"onex-record:shop.orders-{record.partition()}-{record.offset()}".encode()
    assert headers[h.CORRELATION] == headers[h.CAUSATION]


@pytest.mark.parametrize(
    ("sent", "basket", "expected"),
    [
        ([("x-request-id", b"r-1")], "b-1", b"r-1"),
        ([("x-request-id", b"\xff\xfe")], "b-1", b"b-1"),
        ([], "b-1", b"b-1"),
        ([(h.CORRELATION, b"c-1"), ("x-request-id", b"r-1")], "b-1", b"c-1"),
        ([(h.CORRELATION, b"\xff")], "", b"onex-record:"),
    ],
)
def test_a_correlation_comes_from_a_header_or_a_field(
    mesh: MeshDriver, sent: list[tuple[str, bytes]], basket: str, expected: bytes
) -> None:
    mesh.publish(TOPIC, json.dumps({"order_id": "o-1", "basket": basket}).encode(), b"o-1", sent)
    (headers,) = headers_of(mesh, "shop.prices")
    assert headers[h.CORRELATION].startswith(expected)


def test_a_dead_letter_has_the_bytes_the_place_and_the_correlation(mesh: MeshDriver) -> None:
    value = b'{ "order_id":"o-1",  "basket":"broken", "extra":[] }'
    mesh.publish(TOPIC, value, b"k", [("x-request-id", b"r-1")])
    (record,), (letter,) = mesh.dead_letters(), letters(mesh)
    assert (record.value(), record.key()) == (value, b"o-1")
    assert (letter[d.TOPIC], letter[d.CLASS], letter[h.CORRELATION], letter[h.RECORD_KEY]) == (
        TOPIC,
        "bug",
        "r-1",
        "k",
    )


HOSTILE = {
    "no json": (b"order!", "poison"),
    "avro": (b"\x00\x00\x00\x00\x01\x02a", "poison"),
    "not utf-8": (b'{"order_id": "\xff\xfe"}', "poison"),
    "deep": (b'{"order_id": "o", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "poison"),
    "cut": (b'{"order_id": "o-1"', "poison"),
    "two objects": (b'{"order_id": "a"}{"order_id": "b"}', "poison"),
    "tombstone": (None, "rejected"),
    "empty": (b"", "rejected"),
    "a list": (b'[{"order_id": "a"}]', "rejected"),
    "key is a number": (b'{"order_id": 7}', "rejected"),
    "key is null": (b'{"order_id": null}', "rejected"),
    "key is empty": (b'{"order_id": ""}', "rejected"),
    "key is missing": (b"{}", "rejected"),
    "a number of 65 bits": (b'{"order_id": "a", "number": 36893488147419103232}', "rejected"),
    "a number that is none": (b'{"order_id": "a", "number": NaN}', "rejected"),
    "a long unknown number": (b'{"order_id": "a", "number": 1e1, "u": ' + b"9" * 50_000 + b"}", "rejected"),
    "a lone surrogate": (b'{"order_id": "\\ud800"}', "poison"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_become_dead_letters_with_their_bytes(mesh: MeshDriver, name: str) -> None:
    value, failure_class = HOSTILE[name]
    mesh.publish(TOPIC, value, b"o-1", [])
    (record,), (letter,) = mesh.dead_letters(), letters(mesh)
    assert (record.value(), letter[d.CLASS]) == (value, failure_class)
    assert letter[d.MESSAGE_ID].startswith("onex-record:shop.orders-")
    mesh.publish(TOPIC, b'{"order_id": "next"}', b"o-1", [])
    assert [r.key() for r in mesh.records("shop.prices")] == [b"next"]


def test_the_last_of_two_equal_names_counts_and_nan_is_a_float(mesh: MeshDriver) -> None:
    mesh.publish(TOPIC, b'{"order_id": "a", "order_id": "b", "weight": NaN}', b"a", [])
    (record,) = mesh.records("shop.prices")
    assert json.loads(record.value() or b"") == {"order_id": "b", "total": "0", "weight": "NaN"}


def test_unknown_fields_are_refused_by_choice(tmp_path: Path) -> None:
    text = CONTRACT.replace("unknown_fields: ignore", "unknown_fields: refuse")
    driver = MeshDriver([make(tmp_path, "foreignstrict", text)])
    driver.publish(TOPIC, b'{"order_id": "a", "their_own": 1}', b"a", [])
    (letter,) = letters(driver)
    assert letter[d.CLASS] == "rejected"
    assert "their_own" in letter[d.MESSAGE]
    driver.close()


def test_a_case_names_messages_of_foreign_topics(folder: Path) -> None:
    case = {
        "name": "two lines",
        "when": {"Order": {"order_id": "a", "lines": ["x", "y"]}},
        "then": {"publishes": [{"OrderPriced": {"order_id": "a", "total": "2", "weight": 0.0}}]},
    }
    assert run_case(folder, Case.model_validate(case)) == ""


def problems(text: str) -> list[str]:
    with pytest.raises(ContractError) as raised:
        parse_contract(text.replace("NAME", "foreignbad"))
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("shop.prices: {message: OrderPriced, format: json}", "shop.prices: OrderPriced", "needs a format"),
        ("    shop.prices: {message: OrderPriced, format: json}\n", "", "is bound in event_bus.topics"),
        ("format: json}", "format: yaml}", "json"),
        ("[shop.orders]", "[onex.shop.orders]", "is not of the form"),
        ("[shop.orders]", "[shop/orders]", "is no name of a Kafka topic"),
        ("[shop.orders]", "[__shop]", "belongs to Kafka itself"),
        ("header: x-request-id", "header: onex-deadline", "is a header of the engine"),
        ("{header: x-request-id, field: basket}", "{}", "names no source"),
        ("OrderPriced, format: json}", "OrderPriced, format: json, unknown_fields: refuse}", "belongs to a topic in"),
        ("      format: json\n", "", "correlation needs format"),
        ("unknown_fields: ignore", "unknown_fields: skip", "ignore"),
        ("message: OrderPriced, ", "", "message"),
    ],
)
def test_a_form_that_is_none_is_refused(old: str, new: str, words: str) -> None:
    assert old in CONTRACT
    found = problems(CONTRACT.replace(old, new))
    assert any(words in problem for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("key: order_id", "key: id", "Order has no field 'id'"),
        ("key: order_id", "key: basket", "the key of Order is order_id"),
        ("field: basket", "field: lines", "has no canonical text"),
    ],
)
def test_a_field_that_is_none_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    name = f"foreign{old.partition(' ')[2].replace('_', '')}{len(new)}"
    with pytest.raises(ContractError, match=words):
        resolve_node(make(tmp_path, name, CONTRACT.replace(old, new)))


def test_a_prefix_is_for_own_topics(folder: Path) -> None:
    node = resolve_node(folder, "staging.")
    assert [*node.routes, *node.outputs.values()] == ["shop.orders", "shop.prices"]
    assert node.contract.retry_topic.startswith("staging.")
    assert node.contract.messages_by_topic() == {}


def test_a_plan_checks_foreign_topics_and_creates_none(folder: Path) -> None:
    mesh = MeshDriver([])
    declared = declare([resolve_node(folder)], 1)
    changes = make_plan(declared, mesh.bus, mesh.catalogue).changes
    refused = {change.subject: change.detail for change in changes if change.action == "refuse"}
    assert set(refused) == {"shop.orders", "shop.prices"}
    assert "does not exist" in refused["shop.orders"]
    assert not {change.subject for change in changes if change.action == "register"} & {"shop.orders-value"}
    assert create_foreign(declared, mesh.bus, mesh.catalogue) == ["shop.orders", "shop.prices"]
    assert create_foreign(declared, mesh.bus, mesh.catalogue) == []
    after = make_plan(declared, mesh.bus, mesh.catalogue).changes
    assert {change.subject for change in changes} - {change.subject for change in after} == set(refused)
    mesh.close()


def test_a_plan_names_the_number_of_partitions(tmp_path: Path) -> None:
    mesh = MeshDriver([])
    six = CONTRACT.replace("input_model", "  topic_config: {partitions: 6}\ninput_model", 1)
    declared = declare([resolve_node(make(tmp_path, "foreignsix", six))], 1)
    create_foreign(declared, mesh.bus, mesh.catalogue)
    assert not make_plan(declared, mesh.bus, mesh.catalogue).refused
    four = declare([resolve_node(make(tmp_path, "foreignfour"))], 1)
    (refused,) = make_plan(four, mesh.bus, mesh.catalogue).refused
    assert "has 6 partitions" in refused.detail
    assert "topic_config.partitions of node_foreignfour_compute to 6" in refused.detail
    mesh.close()


def test_a_record_whose_headers_cannot_be_read_is_a_dead_letter_alone(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in (b"a", b"b", b"c"):
        mesh.publish(TOPIC, b'{"order_id": "%b", "basket": "broken"}' % key, b"k", [], run=False)
    broken = mesh.records(TOPIC)[1]

    def headers(record: ProtocolRecord) -> object:
        if (record.topic(), record.partition(), record.offset()) == where:
            raise PoisonError("a name of a header is not UTF-8")
        return original(record)

    where = (broken.topic(), broken.partition(), broken.offset())
    original = type(broken).headers
    monkeypatch.setattr(type(broken), "headers", headers)
    mesh.run_until_idle()
    monkeypatch.undo()
    found = {record.key(): letter[d.CLASS] for record, letter in zip(mesh.dead_letters(), letters(mesh), strict=True)}
    assert found == {b"a": "bug", b"k": "poison", b"c": "bug"}


def test_a_package_is_generated_for_foreign_topics(tmp_path: Path) -> None:
    models = "definitions:\n  models:\n    Order: {key: order_id, fields: {order_id: str, basket: str}}\n"
    models += "    OrderPriced: {key: order_id, fields: {order_id: str}}\n"
    for name, content in package_files(CONTRACT.replace("NAME", "foreignmade") + models).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    node = resolve_node(tmp_path / "node_foreignmade_compute" / "v1_0_0")
    assert node.contract.event_bus.topics["shop.orders"].key == "order_id"
    several = CONTRACT.replace("message: Order\n", "messages: {a: Order}\n      type: {header: t}\n") + models
    with pytest.raises(ContractError, match="carries several messages"):
        package_files(several.replace("NAME", "foreignmany"))


ALIASED = '''\
from decimal import Decimal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from onex.node import Message


class Line(Message):
    """A line."""

    model_config = ConfigDict(alias_generator=to_camel)

    unit_price: Decimal = Field(max_digits=30, decimal_places=20)


class Order(Message, key="order_id"):
    """An order of the shop."""

    order_id: str = Field(alias="orderId")
    basket: str = Field("", alias="class")
    order_lines: list[Line] = Field([], alias="order-lines")


class OrderPriced(Message, key="order_id"):
    """Its price."""

    order_id: str = Field(alias="orderId")
    first_line: Line | None = Field(None, alias="firstLine")
'''
ALIASED_NODE = """\
from node_NAME_compute.v1_0_0.models import Order, OrderPriced
from onex.node import NodeCompute


class NodePrice(NodeCompute[Order, OrderPriced]):
    def compute(self, request: Order) -> OrderPriced:
        return OrderPriced(order_id=request.order_id, first_line=request.order_lines[0])
"""


def test_fields_may_have_other_names_in_json(tmp_path: Path) -> None:
    mesh = MeshDriver([make(tmp_path, "foreignalias", CONTRACT, ALIASED, ALIASED_NODE)])
    value = b'{"orderId": "o-1", "class": "b-1", "order-lines": [{"unitPrice": 0.12345678901234567891}]}'
    mesh.publish(TOPIC, value, b"o-1", [])
    (record,) = mesh.records("shop.prices")
    assert json.loads(record.value() or b"") == {
        "orderId": "o-1",
        "firstLine": {"unitPrice": "0.12345678901234567891"},
    }
    assert dict(record.headers() or [])[h.CORRELATION] == b"b-1"
    priced = mesh.nodes[0].models["OrderPriced"]
    (message,) = mesh.published(priced)
    assert priced.from_stored_json(message.to_stored_json()) == message
    mesh.close()


def test_the_latest_records_are_looked_at(tmp_path: Path) -> None:
    keyless = CONTRACT.replace("      key: order_id\n", "").replace("ignore", "refuse")
    folder = make(tmp_path, "foreignsample", keyless)
    mesh = MeshDriver([folder])

    def warnings() -> list[str]:
        return [*sample_warnings(mesh.nodes, mesh.bus, mesh.catalogue)]

    assert warnings() == []
    for number in range(60):
        mesh.publish(TOPIC, b"an old one", b"k-%d" % number, [], run=False)
    for number in range(200):
        key = b"o-%d" % number
        mesh.publish(TOPIC, b'{"order_id": "%b"}' % key, key, [], run=False)
    assert warnings() == []
    mesh.publish(TOPIC, b'{"order_id": "a"}', b"b", [], run=False)
    assert warnings() == [
        "shop.orders: 1 of the 40 latest records would be dead letters of node_foreignsample_compute: the record has "
        "another key than Order.order_id; write key: order_id"
    ]
    mesh.publish(TOPIC, b'{"order_id": "a", "theirs": 1}', None, [], run=False)
    assert "2 of the 40" in warnings()[0]
    mesh.close()


def test_a_record_whose_key_field_is_empty_is_none_that_a_node_takes(tmp_path: Path) -> None:
    mesh = MeshDriver([make(tmp_path, "foreignempty", CONTRACT)])
    mesh.publish(TOPIC, b'{"order_id": ""}', None, [])  # a node without state needs no key
    assert [*sample_warnings(mesh.nodes, mesh.bus, mesh.catalogue)] == []
    assert not letters(mesh)
    mesh.publish(TOPIC, b'{"order_id": ""}', b"theirs", [])
    words = "Order: the field that is its key is empty"
    assert [*sample_warnings(mesh.nodes, mesh.bus, mesh.catalogue)] == [
        f"shop.orders: 1 of the 2 latest records would be dead letters of node_foreignempty_compute: {words}"
    ]
    assert [letter[d.MESSAGE] for letter in letters(mesh)] == [words]
    mesh.close()


def test_onex_up_makes_stand_ins_on_its_own_broker_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = MeshDriver([])
    monkeypatch.setattr(provision, "resolve_all", lambda _: [resolve_node(folder)])
    monkeypatch.setattr(provision, "open_bus", lambda _: mesh.bus)
    monkeypatch.setattr(provision, "open_catalogue", lambda *_: mesh.catalogue)
    for is_local in (False, True):
        monkeypatch.setattr(provision, "is_local_kafka", lambda _, local=is_local: local)
        if is_local:
            provision.provision(Settings(env="test"))
        else:
            with pytest.raises(ProvisioningError, match="shop.orders: does not exist"):
                provision.provision(Settings(env="test"))
        assert ("shop.orders" in mesh.bus.admin.topics([TOPIC])) is is_local
    mesh.close()


def test_missing_topics_of_others_have_another_remedy() -> None:
    assert str(missing_topics(["onex.evt.a.b.v1", "_schemas"])).endswith("; run `onex apply`")
    assert str(missing_topics([TOPIC])).endswith("; create those of others where they belong")
    assert str(missing_topics([TOPIC, "onex.evt.a.b.v1"])).endswith(
        "; run `onex apply`, and create those of others where they belong"
    )


def test_a_foreign_topic_is_found_by_its_name_and_by_its_message(folder: Path) -> None:
    node = resolve_node(folder)
    assert {find_addressee(name, [node]).topic for name in (TOPIC, "Order")} == {TOPIC}
    with pytest.raises(ConfigurationError, match="no node takes 'shop.others'"):
        find_addressee("shop.others", [node])
