"""``python -m benchmarks.total``: running totals by account, with a changelog, next to peers that have state."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.field.cluster import cluster
from benchmarks.field.entries import Entry, earlier, java, mesh, ours, theirs
from benchmarks.field.meter import WINDOW
from benchmarks.field.turns import MESSAGES, Turns
from benchmarks.report import Report
from benchmarks.total import setup
from onex.bus.protocols import Partition

_PEERS = "benchmarks.total.peers"


def entries() -> list[Entry]:
    """FastStream is absent: it has no state. Faust's table is in memory, its default, and at least once."""
    contract = setup.node().contract
    handwritten = ours("handwritten", f"{_PEERS}.handwritten")
    return [
        mesh("onex", setup.FOLDER, contract.group("{group}")),
        mesh("onex, 2 instances", setup.FOLDER, contract.group("{group}"), instances=2),
        replace(handwritten, command=[*handwritten.command, contract.changelog_topic]),
        theirs("quix", f"{_PEERS}.quix", exactly_once=True),
        theirs("faust table", f"{_PEERS}.faust_table"),
        java("kafka streams, 2 threads", "TotalStreams"),
    ]


def main() -> None:
    """Run, check, print and write ``build/bench/total.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=MESSAGES, help="messages in the input")
    parser.add_argument("--window", type=float, default=WINDOW, help="seconds of steady state that are measured")
    parser.add_argument(
        "--beside", type=Path, nargs="*", default=[], help="other checkouts, whose library runs the node"
    )
    parser.add_argument("--only", nargs="*", help="entries with these names alone")
    options = parser.parse_args()
    with cluster() as field:
        field.provision([setup.node()])
        setup.fill(field, options.count)

        def check(_: Entry, begins: Mapping[Partition, int]) -> int:
            return setup.check(field, begins)

        every = entries()
        every += [earlier(checkout, setup.FOLDER, every[0].group) for checkout in options.beside]
        chosen = [entry for entry in every if not options.only or entry.name in options.only]
        changelog = setup.node().contract.changelog_topic
        turns = Turns(field, setup.INPUT, setup.OUTPUT, options.count, options.window, check, changelog)
        readings = turns.take(chosen, options.runs)
    report = Report("total")
    report.leave_out(turns.wrong)
    report.add_readings(readings)
    for other in readings:
        report.compare("onex, 2 instances" if other.startswith("kafka streams, 2") else "onex", other)
    report.compare("onex, 2 instances, CPU", "kafka streams, 2 threads, CPU")
    report.write()


if __name__ == "__main__":
    main()
