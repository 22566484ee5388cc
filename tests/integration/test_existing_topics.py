"""Topics of others on a real broker: agents do with the same records what the in-memory host does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, ProtocolRecord
from onex.mesh.states import StateReader
from onex.schema import ProtocolSchemaCatalogue
from onex.schema.record_names import record_names
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.conftest import eventually
from tests.integration.agents import Mesh
from tests.unit import test_existing_avro_types as records_of_avro
from tests.unit.test_existing_forms import AVRO, AVRO_MODELS, AVRO_NODE, SUBJECT, THEIRS, order, written
from tests.unit.test_existing_topics import HOSTILE, TOPIC, make
from tests.unit.test_existing_topics_state import EFFECT, EXECUTE, MODELS, REDUCE, REDUCER
from tests.unit.test_existing_topics_state import TOPIC as PAYMENTS
from tests.unit.test_existing_types import EXECUTE as NEWS
from tests.unit.test_existing_types import TOPIC as EVENTS
from tests.unit.test_existing_types import kind_of

_AVRO, _AVRO_EVENTS, _AVRO_NEWS = "shop.avro", "shop.avro-events", "shop.avro-news"
_RECORDS = (
    records_of_avro.EFFECT.replace(records_of_avro.TOPIC, _AVRO_EVENTS)
    .replace(records_of_avro.NEWS, _AVRO_NEWS)
    .replace("other_types: ignore", "other_types: ignore\n      tombstones: ignore")
)
Facts = Mapping[str, Sequence[tuple[object, ...]]]
_COPIED = (
    h.CAUSATION,
    h.CORRELATION,
    h.CONTENT_TYPE,
    h.TYPE,
    h.RECORD_KEY,
    d.CLASS,
    d.MESSAGE_ID,
    d.TOPIC,
    d.MESSAGE,
)


def nodes_in(root: Path) -> list[Path]:
    return [
        make(root, "bothprice"),
        make(root, "bothtotal", REDUCER, MODELS, REDUCE),
        make(root, "bothpay", EFFECT.replace("shop.totals", "shop.paid"), MODELS, EXECUTE),
        make(root, "bothavro", AVRO.replace(TOPIC, _AVRO), AVRO_MODELS, AVRO_NODE),
        kind_of(root, "bothnews", "effect", NEWS),
        make(root, "bothrecords", _RECORDS, records_of_avro.MODELS, NEWS.replace("KIND", "effect")),
    ]


def of_avro(catalogue: ProtocolSchemaCatalogue) -> list[Outgoing]:
    """Return records of three types, of which the contract has two, a tombstone, and one that is no Avro."""
    price = records_of_avro.PRICE
    values: list[bytes | None] = [None, b"{}"]
    for schema, fields in (
        (records_of_avro.THEIR_PLACED, {"total": 7, "price": price}),
        (records_of_avro.THEIR_PAID, {"price": price, "theirs": 0.5}),
        (records_of_avro.THEIR_SHIPPED, {"day": 0}),
    ):
        (subject,) = record_names(schema)
        schema_id = catalogue.register({subject: schema})[subject].id
        values.append(records_of_avro.avro(schema_id, schema, {"order_id": f"o-{len(values)}", **fields}))
    return [Outgoing(_AVRO_EVENTS, value, b"k", [], number % 4) for number, value in enumerate(values)]


def records(schema_id: int) -> list[Outgoing]:
    orders = [
        Outgoing(TOPIC, value, b"k-%d" % number, [("x-request-id", b"r-%d" % number)], number % 4)
        for number, (value, _) in enumerate(HOSTILE.values())
    ]
    orders += [
        Outgoing(TOPIC, b'{"order_id": "o-1", "lines": ["a"], "theirs": {}}', key, headers, partition)
        for partition, (key, headers) in enumerate(
            [
                (None, []),
                (b"\xff\xfe", [("n", b"\xff")]),
                (b"o-1", [(h.TYPE, b"com.shop")]),
                (b"x", [(h.ID, b"id-1")]),
            ]
        )
    ]
    payments = [
        Outgoing(PAYMENTS, b'{"customer": "c-%d", "amount": %d}' % (n % 5, n), b"p-%d" % n, [], n % 4)
        for n in range(20)
    ]
    typed = [
        Outgoing(EVENTS, b'{"order_id": "o-%d"}' % n, b"o-%d" % n, [("x-type", text)], n)
        for n, text in enumerate([b"order.placed", b"order.paid", b"order.shipped", b"\xff"])
    ]
    theirs = [Outgoing(_AVRO, value, b"k", [], 1) for value in (written(schema_id, order()), b"{}")]
    return [*orders, *payments, *typed, *theirs]


def facts_of(read: Mapping[str, Sequence[ProtocolRecord]]) -> Facts:
    """What must not depend on the host. Values of a reducer depend on the order in which partitions are read."""
    found = {}
    for topic, of_topic in read.items():
        rows = []
        for record in of_topic:
            headers = dict(record.headers() or [])
            value = None if topic == "shop.totals" else record.value()
            if topic == _AVRO_NEWS:  # without the id of the schema, which is another in each registry
                value = (value or b"")[5:]
            rows.append((record.key(), value, *(headers.get(name) for name in _COPIED)))
        found[topic] = sorted(rows, key=repr)
    return found


def test_agents_do_as_the_memory_host_does(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    folders = nodes_in(tmp_path)
    driver = MeshDriver(folders)
    for record in [*records(driver.catalogue.register({SUBJECT: THEIRS})[SUBJECT].id), *of_avro(driver.catalogue)]:
        driver.bus.publish(record)
    driver.run_until_idle()
    letters = [node.contract.dead_letter_topic for node in driver.nodes]
    topics = ["shop.prices", "shop.totals", "shop.paid", "shop.seen", "shop.news", _AVRO_NEWS, *letters]
    expected = facts_of({topic: driver.records(topic) for topic in topics})
    assert [len(expected[topic]) for topic in topics] == [4, 20, 20, 1, 2, 2, len(HOSTILE), 0, 0, 1, 1, 1]

    with Mesh(kafka_bus, folders, tmp_path) as mesh:
        schema_id = mesh.catalogue.register({SUBJECT: THEIRS})[SUBJECT].id
        kafka_bus.publish_batch([*records(schema_id), *of_avro(mesh.catalogue)])
        for node in mesh.nodes:
            mesh.start(node.contract.name, ready=False)
        eventually(
            lambda: [len(mesh.records(topic)) for topic in topics] == [len(expected[topic]) for topic in topics],
            60,
            "all records carried",
        )
        assert facts_of({topic: mesh.records(topic) for topic in topics}) == expected
        states, wanted = (
            {key: state.model_dump() for key, state in StateReader(bus, catalogue, driver.nodes[1]).scan()}
            for bus, catalogue in ((mesh.bus, mesh.catalogue), (driver.bus, driver.catalogue))
        )
        assert states == wanted
        assert len(states) == 5
        planned = mesh.onex("plan", "--services", str(tmp_path))
        assert "shop." not in planned.stdout, planned
        assert "latest records would be dead letters of node_bothprice_compute" in planned.stderr, planned
        sent = mesh.onex("send", TOPIC, '{"order_id": "o-sent"}', "--services", str(tmp_path))
        assert sent.returncode == 0, sent
        eventually(lambda: b"o-sent" in [r.key() for r in mesh.records("shop.prices")], 30, "what was sent")
    driver.close()
