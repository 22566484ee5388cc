"""A hostile sender among good ones, on a real broker: no process ends, each junk record is one dead letter."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from node_order_orchestrator.v1_0_0.models import OrderCompleted, PlaceOrder
from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import ProtocolRecord
from onex.errors import MessageError
from onex.mesh import MeshClient
from onex.model.message import Message
from onex.schema import Codec
from onex.settings import Settings
from onex.wire import dead_letter as d
from tests.conftest import ORDERS, eventually
from tests.hostile_corpus import HostileRecord, hostile_records
from tests.integration.agents import Mesh
from tests.raw_producer import RawProducer

FOLDERS = sorted(ORDERS.glob("*/v1_0_0"))
COMPUTE, PRICE_ORDER = "node_order_pricing_compute", "onex.cmd.order-pricing.price-order.v1"
COMPLETED = "onex.evt.orders.order-completed.v1"
_COUNT, _ORDERS = 192, 16
Junk = Counter[tuple[str, bytes]]


def _mark(topic: str, value: bytes | None) -> tuple[str, bytes]:
    return topic, sha256(value or b"").digest()


def _letters(mesh: Mesh) -> list[tuple[str, int, int]]:
    """Where the records of all dead letters were."""
    places: list[tuple[str, int, int]] = []
    for node in mesh.nodes:
        for letter in mesh.records(node.contract.dead_letter_topic):
            headers = dict(letter.headers() or [])
            topic, partition, offset = (headers[name] or b"" for name in (d.TOPIC, d.PARTITION, d.OFFSET))
            places.append((topic.decode(), int(partition), int(offset)))
    return places


def _junk(records: Sequence[HostileRecord]) -> Junk:
    return Counter(_mark(record.topic, record.value) for record in records if record.is_dead_letter)


def _buried(mesh: Mesh, places: Sequence[tuple[str, int, int]]) -> Junk:
    """The records at these places, in the way of ``_junk``."""
    found: dict[tuple[str, int, int], ProtocolRecord] = {}
    for topic in {topic for topic, _, _ in places}:
        found |= {(topic, record.partition(), record.offset()): record for record in mesh.records(topic)}
    return Counter(_mark(place[0], found[place].value()) for place in places)


def _check_letters(mesh: Mesh, records: Sequence[HostileRecord]) -> None:
    expected = _junk(records)
    eventually(lambda: len(_letters(mesh)) >= expected.total(), 60, "a dead letter for each junk record")
    places = _letters(mesh)
    assert not [place for place, count in Counter(places).items() if count > 1], "no record is dead twice"
    assert _buried(mesh, places) == expected


def _send(producer: RawProducer, records: Sequence[HostileRecord]) -> None:
    for record in records:
        producer.send(record.topic, record.key, record.value, record.headers)


def test_no_process_ends_each_junk_record_is_one_dead_letter_and_good_orders_complete(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    """The client that waits for completions hears junk on their topic as well."""
    with Mesh(kafka_bus, FOLDERS, tmp_path) as mesh:
        agents = [mesh.start(folder.parent.name, ready=False) for folder in FOLDERS]
        for agent in agents:
            eventually(mesh.ready(agent), 60, lambda: f"ready: {mesh.tails()}")
        records = list(hostile_records(19, _COUNT))
        assert any(not record.has_plain_names for record in records)
        noise = [r for r in hostile_records(20, _COUNT // 4, (COMPLETED,)) if r.topic == COMPLETED]
        producer = RawProducer(kafka_bus.config.bootstrap_servers)

        async def play() -> list[Message]:
            settings = Settings(
                kafka_bootstrap_servers=kafka_bus.config.bootstrap_servers,
                services=[ORDERS],
                env=mesh.prefix,
                home=mesh.home,
            )
            async with MeshClient.connect(settings) as client:
                calls: list[asyncio.Task[Message]] = []
                for number in range(_ORDERS):
                    _send(producer, records[number::_ORDERS])
                    _send(producer, noise[number::_ORDERS])
                    order = PlaceOrder(order_id=f"good-{number}", customer="ann", quantity=1, unit_price=2.5)
                    calls.append(asyncio.create_task(client.execute(order, timeout=90)))
                    await asyncio.sleep(0)
                await asyncio.to_thread(producer.flush)
                return list(await asyncio.gather(*calls))

        completions = asyncio.run(play())
        producer.close()
        good = {f"good-{number}" for number in range(_ORDERS)}
        assert {done.order_id for done in completions if isinstance(done, OrderCompleted)} == good
        odd = {record.order_id for record in records if record.order_id}
        assert odd
        _check_letters(mesh, records)
        eventually(lambda: set(_completed(mesh)) == good | odd, 60, "every good order")
        assert set(_completed(mesh).values()) == {1}
        assert [agent.poll() for agent in agents] == [None] * len(agents), "no process has ended"
        for agent in agents:
            eventually(mesh.ready(agent), 30, "ready at the end")


def _completed(mesh: Mesh) -> Counter[str]:
    """Completions by order; junk on their topic left out."""
    codec = Codec.of_topic(OrderCompleted, COMPLETED, mesh.catalogue)
    found: Counter[str] = Counter()
    for record in mesh.records(COMPLETED):
        try:
            message = codec.decode(record.value() or b"")
        except MessageError:
            continue
        assert isinstance(message, OrderCompleted)
        found[message.order_id] += 1
    return found


def test_on_the_faust_host_a_record_with_unreadable_headers_is_a_dead_letter(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    with Mesh(kafka_bus, [ORDERS / COMPUTE / "v1_0_0"], tmp_path) as mesh:
        agent = mesh.start(COMPUTE, faust=True)
        corpus = hostile_records(21, 96, (PRICE_ORDER,))
        records = [r for r in corpus if r.topic == PRICE_ORDER and len(r.value or b"") < 200_000]
        assert any(not record.has_plain_names for record in records)
        producer = RawProducer(kafka_bus.config.bootstrap_servers)
        orders = [PriceOrder(order_id=f"o-{n}", quantity=1, unit_price=2.5) for n in range(8)]
        for number, order in enumerate(orders):
            _send(producer, records[number :: len(orders)])
            mesh.send([order])
        producer.flush()
        producer.close()
        _check_letters(mesh, records)
        eventually(lambda: len(mesh.messages(OrderPriced)) == len(orders), 30, "every good message")
        assert agent.poll() is None
        eventually(mesh.ready(agent), 30, "ready at the end")
