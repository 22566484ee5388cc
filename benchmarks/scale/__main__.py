"""``python -m benchmarks.scale``: the price node over 8 partitions with 1, 2 and 4 instances, next to its peers."""

import argparse
from collections.abc import Mapping
from dataclasses import replace

from benchmarks.field.cluster import cluster
from benchmarks.field.entries import Entry, java, mesh, ours
from benchmarks.field.meter import WINDOW
from benchmarks.field.turns import MESSAGES, Turns
from benchmarks.price import setup
from benchmarks.report import Report
from onex.bus.protocols import Partition

_PARTITIONS = 8
_INSTANCES = (1, 2, 4)


def main() -> None:
    """Run, check, print and write ``build/bench/scale.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--count", type=int, default=MESSAGES, help="messages in the input")
    parser.add_argument("--window", type=float, default=WINDOW, help="seconds of steady state that are measured")
    parser.add_argument("--only", nargs="*", help="entries with these names alone")
    options = parser.parse_args()
    with cluster() as field:
        setup.provision(field, _PARTITIONS)
        setup.fill(field, options.count)

        def check(_: Entry, begins: Mapping[Partition, int]) -> int:
            return setup.check(field, begins, options.count)

        group = setup.node().contract.group("{group}")
        handwritten = ours("handwritten", "benchmarks.price.peers.handwritten")
        entries = [mesh(_name("onex", n), setup.FOLDER, group, instances=n) for n in _INSTANCES]
        entries += [replace(handwritten, name=_name("handwritten", n), instances=n) for n in _INSTANCES]
        entries.append(java("kafka streams, 2 threads", "PriceStreams"))
        turns = Turns(field, setup.INPUT, setup.OUTPUT, options.count, options.window, check)
        chosen = [entry for entry in entries if not options.only or entry.name in options.only]
        readings = turns.take(chosen, options.runs)
    report = Report("scale")
    report.leave_out(turns.wrong)
    report.add_readings(readings)
    for instances in _INSTANCES[1:]:
        report.compare(_name("onex", instances), _name("onex", 1))
        report.compare(_name("onex", instances), _name("handwritten", instances))
        report.compare(_name("onex", instances), "kafka streams, 2 threads")
    report.write()


def _name(entry: str, instances: int) -> str:
    return f"{entry}, {instances} instance{'s' if instances > 1 else ''}"


if __name__ == "__main__":
    main()
