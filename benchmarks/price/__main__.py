"""``python -m benchmarks.price``: orders in, priced orders out, next to every peer on one broker."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from benchmarks.field.cluster import Cluster, cluster
from benchmarks.field.entries import Entry, earlier, java, mesh, ours, theirs
from benchmarks.field.meter import WINDOW
from benchmarks.field.turns import MESSAGES, Turns
from benchmarks.price import setup
from benchmarks.report import Report
from onex.bus.protocols import Partition

_PEERS = "benchmarks.price.peers"
_FASTSTREAM = f"{_PEERS}.faststream_subscriber"


def entries(cluster: Cluster, *, quick: bool) -> list[Entry]:
    """Mesh, ceiling, frameworks; all of them with the guarantee they have."""
    group = setup.node().contract.group("{group}")
    exactly = [
        mesh("onex", setup.FOLDER, group),
        ours("handwritten", f"{_PEERS}.handwritten"),
        theirs("quix", f"{_PEERS}.quix", exactly_once=True),
    ]
    if quick:
        return exactly
    relaxed = setup.at_least_once(cluster.folder)
    return [
        *exactly,
        ours("handwritten, in stages", f"{_PEERS}.handwritten_in_stages"),
        mesh("onex, 2 instances", setup.FOLDER, group, instances=2),
        java("kafka streams, 2 threads", "PriceStreams"),
        ours("aiokafka loop", f"{_PEERS}.aiokafka_loop"),
        mesh("onex, at least once", relaxed, group, exactly_once=False),
        ours("handwritten, at least once", f"{_PEERS}.handwritten", exactly_once=False),
        theirs("quix, at least once", f"{_PEERS}.quix"),
        java("kafka streams, at least once", "PriceStreams", exactly_once=False),
        theirs("faust", f"{_PEERS}.faust_agent"),
        theirs("faust take(1000)", f"{_PEERS}.faust_agent", "take"),
        theirs("faststream confluent", _FASTSTREAM, "confluent", "default"),
        theirs("faststream confluent, batch", _FASTSTREAM, "confluent", "batch"),
        theirs("faststream aiokafka", _FASTSTREAM, "aiokafka", "default"),
        theirs("faststream aiokafka, batch", _FASTSTREAM, "aiokafka", "batch"),
    ]


def main() -> None:
    """Run, check, print and write ``build/bench/price.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=MESSAGES, help="messages in the input")
    parser.add_argument("--window", type=float, default=WINDOW, help="seconds of steady state that are measured")
    parser.add_argument("--quick", action="store_true", help="mesh, hand-written loop and Quix alone")
    parser.add_argument(
        "--beside", type=Path, nargs="*", default=[], help="other checkouts, whose library runs the node"
    )
    parser.add_argument("--only", nargs="*", help="entries with these names alone")
    options = parser.parse_args()
    with cluster() as field:
        field.provision([setup.node()])
        setup.fill(field, options.count)

        def check(entry: Entry, begins: Mapping[Partition, int]) -> int:
            return setup.check(field, begins, options.count, batched=entry.name.endswith("batch"))

        every = entries(field, quick=options.quick)
        every += [earlier(checkout, setup.FOLDER, every[0].group) for checkout in options.beside]
        chosen = [e for e in every if not options.only or e.name in options.only]
        turns = Turns(field, setup.INPUT, setup.OUTPUT, options.count, options.window, check)
        readings = turns.take(chosen, options.runs)
    report = Report("price")
    report.leave_out(turns.wrong)
    report.add_readings(readings)
    for other in readings:
        report.compare("onex, 2 instances" if other.startswith("kafka streams, 2") else "onex", other)
    report.compare("onex, 2 instances, CPU", "kafka streams, 2 threads, CPU")
    report.write()


if __name__ == "__main__":
    main()
