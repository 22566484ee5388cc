"""The input of the price benchmark, written once per run of the suite, and the check of every output."""

import random
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.field.cluster import Cluster
from benchmarks.field.outputs import Outputs, checked
from onex.bus.protocols import Outgoing, Partition
from onex.contract import ResolvedNode, resolve_node
from onex.schema import Codec
from onex.wire import headers as h

FOLDER = Path(__file__).parent / "node_price_compute" / "v1_0_0"
INPUT = "onex.cmd.bench.order.v1"
OUTPUT = "onex.evt.bench.priced-order.v1"
_FILL, _FILL_BYTES = 20_000, 50_000_000


def node() -> ResolvedNode:
    """The node under test."""
    return resolve_node(FOLDER)


def at_least_once(folder: Path) -> Path:
    """A copy of the node that does without transactions."""
    return changed(folder / "at_least_once", "\nevent_bus:", "\ndelivery: {guarantee: at_least_once}\nevent_bus:")


def provision(cluster: Cluster, partitions: int) -> None:
    """Create the node's topics and schemas, with this number of partitions instead of the contract's.

    An agent refuses a retry topic with another number of partitions than its input.
    """
    cluster.provision([node()])
    for topic in (INPUT, OUTPUT, node().contract.retry_topic):
        cluster.make_anew(topic, partitions)


def changed(folder: Path, old: str, new: str) -> Path:
    """A copy of the node with another text in its contract."""
    copy = folder / "node_price_compute" / "v1_0_0"
    shutil.copytree(FOLDER, copy, dirs_exist_ok=True)
    contract = copy / "contract.yaml"
    contract.write_text(contract.read_text().replace(old, new))
    return copy


def fill(cluster: Cluster, count: int, payload: int = 0) -> None:
    """``count`` orders with four headers each, evenly over the partitions, larger by ``payload`` bytes."""
    model = node().routes[INPUT].model
    codec = Codec.of_topic(model, INPUT, cluster.catalogue)
    partitions = len(cluster.partitions(INPUT))
    extra = random.Random(1).randbytes(payload // 2).hex()
    step = max(1, min(_FILL, _FILL_BYTES // (payload + 1)))
    for start in range(0, count, step):
        # One partition after the other: each has a request of its own, and one with a single record costs as much.
        numbers = sorted(range(start, min(count, start + step)), key=lambda number: number % partitions)
        cluster.bus.publish_batch([_order(codec, model, number, partitions, extra) for number in numbers])


def _order(codec: Codec, model: type, number: int, partitions: int, extra: str) -> Outgoing:
    order = model(
        order_id=f"order-{number:08d}",
        customer=f"customer-{number % 1000}",
        sku=f"sku-{number % 50}{extra}",
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
    return Outgoing(INPUT, codec.encode(order), order.order_id.encode(), headers, number % partitions)


def check(cluster: Cluster, begins: Mapping[Partition, int], count: int, *, batched: bool = False) -> int:
    """Check that every output is correct, unique, in order per input partition, with headers. Return their number.

    ``batched``: one set of headers for many records and no order, as FastStream's batches have it.
    """
    lanes = len(cluster.partitions(INPUT))
    shares = checked(_seen, cluster.bootstrap, begins, count, lanes, batched=batched)
    found = sum(map(sum, shares))
    seen = bytearray(map(max, *shares)) if len(shares) > 1 else shares[0]
    assert sum(seen) == found, "an order was priced twice"
    for lane in range(lanes):
        done = seen[lane::lanes]
        assert done.find(0) in (-1, sum(done)) or batched, f"input partition {lane} has holes"
    return found


def _seen(outputs: Outputs, count: int, lanes: int, *, batched: bool) -> bytearray:
    """A one for each order that was priced."""
    codec = outputs.codec(next(iter(node().outputs)))
    seen = bytearray(count)
    last: dict[tuple[int, int], int] = {}
    for record in outputs:
        priced = vars(codec.decode(record.value()))
        order_id = priced["order_id"]
        number = int(order_id.removeprefix("order-"))
        assert priced["total"] == (number % 9 + 1) * (1.25 + number % 100), priced
        assert not seen[number], f"order {number} was priced twice"
        seen[number] = 1
        if batched:
            continue
        lane = record.partition(), number % lanes
        assert last.get(lane, -1) < number, f"order broken at {number}"
        last[lane] = number
        found = dict(record.headers() or [])
        assert found[h.CORRELATION] == b"%032x" % (number + 1)
        assert found[h.CAUSATION] == b"%032x" % number
        assert found[h.TYPE] == OUTPUT.encode()
        assert found[h.ID]
        assert found[h.TIME]
        assert found[h.SUBJECT] == order_id.encode()
        assert found[h.TRACE_PARENT]
    return seen
