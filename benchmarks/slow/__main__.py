"""``python -m benchmarks.slow``: 10,000 calls of 2.5 ms on one partition, over 1,000 keys, in order by key.

The time is from the start of the first call to the end of the last one, as the outputs have it.
"""

import argparse
import shutil
import time
import uuid
from pathlib import Path

from benchmarks.field.cluster import Cluster, cluster
from benchmarks.field.entries import Entry, java, mesh, ours, present
from benchmarks.field.launch import end, launch
from benchmarks.report import Report, Series
from onex.bus.protocols import Outgoing
from onex.contract import ResolvedNode, resolve_node
from onex.schema import Codec
from onex.wire import headers as h

FOLDER = Path(__file__).parent / "node_slow_effect" / "v1_0_0"
_INPUT, _OUTPUT = "onex.cmd.bench.call.v1", "onex.evt.bench.called.v1"
_KEYS = 1000
_LIMIT = 60.0
_SHORTEST_NS = 2_500_000


def main() -> None:
    """Run, check, print and write ``build/bench/slow.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    node = resolve_node(FOLDER)
    found: dict[str, list[float]] = {}
    with cluster() as field:
        field.provision([node])
        entries = present(
            [
                mesh("onex, 100 at once", _at_once(field.folder, 100), node.contract.group("{group}")),
                mesh("onex, 1,000 at once", _at_once(field.folder, 1000), node.contract.group("{group}")),
                ours("asyncio by hand, 100 at once", "benchmarks.slow.peers.asyncio_loop"),
                java("parallel consumer, 100 at once, at least once", "SlowParallel", exactly_once=False),
            ]
        )
        _fill(field, node, options.count)
        for run in range(1, options.runs + 1):
            for entry in entries:
                seconds = _once(field, node, entry, options.count)
                found.setdefault(entry.name, []).append(seconds)
                print(f"run {run} {entry.name:<46} {seconds:.3f} s")
    report = Report("slow")
    for name, seconds in found.items():
        report.add(Series(name, "s", seconds))
    report.compare("onex, 100 at once", "asyncio by hand, 100 at once")
    report.compare("onex, 100 at once", "parallel consumer, 100 at once, at least once")
    report.write()


def _at_once(folder: Path, concurrency: int) -> Path:
    copy = folder / f"slow{concurrency}" / "node_slow_effect" / "v1_0_0"
    shutil.copytree(FOLDER, copy, dirs_exist_ok=True)
    with (copy / "contract.yaml").open("a") as contract:
        contract.write(f"delivery: {{ordering: key, concurrency: {concurrency}}}\n")
    return copy


def _fill(field: Cluster, node: ResolvedNode, count: int) -> None:
    model = node.routes[_INPUT].model
    codec = Codec.of_topic(model, _INPUT, field.catalogue)
    outgoing: list[Outgoing] = []
    for number in range(count):
        account = f"account-{number % _KEYS}"
        value = codec.encode(model.model_validate({"account": account, "number": number}))
        outgoing.append(Outgoing(_INPUT, value, account.encode(), [(h.ID, b"%032x" % number)]))
    field.bus.publish_batch(outgoing)


def _once(field: Cluster, node: ResolvedNode, entry: Entry, count: int) -> float:
    name = f"bench{uuid.uuid4().hex[:8]}"
    begins = field.ends(_OUTPUT)
    group = entry.group.format(group=name)
    inputs = field.partitions(_INPUT)
    processes = launch(field, entry, _INPUT, _OUTPUT, name)
    limit = time.monotonic() + _LIMIT
    try:
        while sum(field.committed(group, inputs).values()) < count:
            if time.monotonic() > limit or any(process.poll() is not None for process in processes):
                log = "".join(file.read_text()[-2000:] for file in field.folder.glob(f"{name}/*/log"))
                raise SystemExit(f"{entry.name}: offsets are not committed after {_LIMIT:.0f} s\n{log}")
            time.sleep(0.05)
    finally:
        end(processes)
    codec = Codec.of_topic(next(iter(node.outputs)), _OUTPUT, field.catalogue)
    reader = field.bus.read(begins)
    called = [codec.decode(record.value()).model_dump() for record in reader.until_end()]
    reader.close()
    assert sorted(one["number"] for one in called) == list(range(count)), "calls are missing, or were made twice"
    ended: dict[str, int] = {}
    for one in sorted(called, key=lambda one: one["number"]):
        assert one["ended_ns"] - one["began_ns"] >= _SHORTEST_NS, "a call was cut short"
        assert one["began_ns"] >= ended.get(one["account"], 0), f"order of {one['account']} broken"
        ended[one["account"]] = one["ended_ns"]
    return (max(one["ended_ns"] for one in called) - min(one["began_ns"] for one in called)) / 1e9


if __name__ == "__main__":
    main()
