"""The input of the running total, and the check of every output."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.field.cluster import Cluster
from benchmarks.field.outputs import Outputs, checked
from onex.bus.protocols import Outgoing, Partition
from onex.contract import ResolvedNode, resolve_node
from onex.schema import Codec
from onex.wire import headers as h

FOLDER = Path(__file__).parent / "node_running_total_reducer" / "v1_0_0"
INPUT = "onex.evt.bench.amount.v1"
OUTPUT = "onex.evt.bench.total.v1"
ACCOUNTS = 10_000
_FILL = 20_000


def node() -> ResolvedNode:
    """The node under test."""
    return resolve_node(FOLDER)


def value_of(number: int) -> int:
    """Amount of the message with this number; its account is ``number % accounts``."""
    return number % 97 + 1


def fill(cluster: Cluster, count: int, accounts: int = ACCOUNTS) -> None:
    """``count`` amounts with four headers each, by key over the partitions."""
    model = node().routes[INPUT].model
    codec = Codec.of_topic(model, INPUT, cluster.catalogue)
    for start in range(0, count, _FILL):
        numbers = range(start, min(count, start + _FILL))
        cluster.bus.publish_batch([_amount(codec, model, number, accounts) for number in numbers])


def _amount(codec: Codec, model: type, number: int, accounts: int) -> Outgoing:
    amount = model(account=f"account-{number % accounts:05d}", value=value_of(number))
    headers = [
        (h.ID, b"%032x" % number),
        (h.TYPE, INPUT.encode()),
        (h.CORRELATION, b"%032x" % (number + 1)),
        (h.TRACE_PARENT, b"00-%032x-%016x-01" % (number + 1, number + 1)),
    ]
    return Outgoing(INPUT, codec.encode(amount), amount.account.encode(), headers)


def check(cluster: Cluster, begins: Mapping[Partition, int], accounts: int = ACCOUNTS) -> int:
    """Check that every total is correct, in order per account, and unique. Return their number."""
    return sum(checked(_right, cluster.bootstrap, begins, accounts))


def _right(outputs: Outputs, accounts: int) -> int:
    codec = outputs.codec(next(iter(node().outputs)))
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for record in outputs:
        total = vars(codec.decode(record.value()))
        account = total["account"]
        number = int(account.removeprefix("account-")) + counts[account] * accounts
        counts[account] += 1
        sums[account] += value_of(number)
        assert (total["count"], total["total"]) == (counts[account], sums[account]), total
        assert record.key() == account.encode()
        found = dict(record.headers() or [])
        assert found[h.CORRELATION] == b"%032x" % (number + 1)
        assert found[h.CAUSATION] == b"%032x" % number
        assert found[h.TRACE_PARENT]
    return counts.total()
