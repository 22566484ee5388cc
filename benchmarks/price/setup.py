"""The input of the price benchmark, written once per run of the suite, and the check of every output."""

from collections.abc import Sequence
from pathlib import Path

from onex.bus import headers as h
from onex.bus.declared import declare
from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, Partition
from onex.bus.provision import apply_plan, make_plan
from onex.bus.schema import Codec
from onex.bus.schema.topic_catalogue import TopicCatalogue
from onex.contract import ResolvedNode, resolve_node

FOLDER = Path(__file__).parent / "node_price_compute" / "v1_0_0"
INPUT = "onex.cmd.bench.order.v1"
OUTPUT = "onex.evt.bench.priced-order.v1"
PARTITIONS = 4


def node() -> ResolvedNode:
    """The node under test."""
    return resolve_node(FOLDER)


def open_bus(bootstrap: str) -> KafkaEventBusAdapter:
    """The bus all entries use for set-up and checks."""
    return KafkaEventBusAdapter(KafkaConfig(bootstrap))


def provision(bus: KafkaEventBusAdapter) -> TopicCatalogue:
    """Topics and schemas of the node."""
    catalogue = TopicCatalogue(bus)
    declared = declare([node()], 1)
    apply_plan(make_plan(declared, bus, catalogue), declared, bus, catalogue)
    return catalogue


def fill(bus: KafkaEventBusAdapter, catalogue: TopicCatalogue, count: int) -> None:
    """``count`` orders with four headers each, evenly over the partitions."""
    model = node().routes[INPUT].model
    codec = Codec.of_topic(model, INPUT, catalogue)
    for start in range(0, count, 20_000):
        bus.publish_batch([_order(codec, model, number) for number in range(start, min(count, start + 20_000))])


def _order(codec: Codec, model: type, number: int) -> Outgoing:
    order = model(
        order_id=f"order-{number:08d}",
        customer=f"customer-{number % 1000}",
        sku=f"sku-{number % 50}",
        quantity=number % 9 + 1,
        unit_price=1.25 + number % 100,
        placed_ms=1_700_000_000_000 + number,
    )
    headers = [
        (h.ID, b"%032x" % number),
        (h.TYPE, INPUT.encode()),
        (h.CORRELATION, b"%032x" % (number + 1)),
        (h.TRACE_PARENT, b"00-%032x-%016x-01" % (number + 1, number + 1)),
    ]
    return Outgoing(INPUT, codec.encode(order), order.order_id.encode(), headers, number % PARTITIONS)


def check(bus: KafkaEventBusAdapter, catalogue: TopicCatalogue, starts: dict[Partition, int], count: int) -> None:
    """Every order priced once, right, in order per input partition, with its id, type, correlation and trace."""
    codec = Codec.of_topic(next(iter(node().outputs)), OUTPUT, catalogue)
    reader = bus.read(starts)
    seen: dict[int, int] = {}
    last: dict[tuple[int, int], int] = {}
    for record in reader.until_end():
        priced = codec.decode(record.value()).model_dump()
        number = int(priced["order_id"].removeprefix("order-"))
        expected = (number % 9 + 1) * (1.25 + number % 100)
        assert priced["total"] == expected, priced
        seen[number] = seen.get(number, 0) + 1
        lane = record.partition(), number % PARTITIONS
        assert last.get(lane, -1) < number, f"order broken at {number}"
        last[lane] = number
        found = dict(record.headers() or [])
        assert found[h.CORRELATION] == b"%032x" % (number + 1)
        assert found[h.TYPE] == OUTPUT.encode()
        assert found[h.ID]
        assert found[h.TRACE_PARENT]
    reader.close()
    assert len(seen) == count, f"{len(seen)} of {count} orders were priced"
    assert all(times == 1 for times in seen.values()), "an order was priced twice"


def output_ends(bus: KafkaEventBusAdapter) -> dict[Partition, int]:
    """Where the output topic ends now."""
    partitions: Sequence[Partition] = [Partition(OUTPUT, number) for number in range(PARTITIONS)]
    return {partition: end for partition, (_, end) in bus.admin.ends(partitions).items()}
