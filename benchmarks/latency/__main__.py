"""``python -m benchmarks.latency``: one hop and a workflow, at several rates, exactly-once where the peer has it.

A workflow takes four hops between agents: from the orchestrator to the first worker, back, to the second one, back;
with the first and the last message that makes five transactions one after the other.
"""

import argparse
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as Folder

from benchmarks.field.cluster import Cluster, cluster
from benchmarks.field.entries import Entry, java, mesh, ours, present, theirs
from benchmarks.field.launch import end, launch
from benchmarks.field.meter import PeerFailedError
from benchmarks.latency.probe import Path, probe
from benchmarks.price import setup
from benchmarks.report import Report, Series
from onex.contract import ResolvedNode, resolve_node
from onex.schema import Codec

_PEERS = "benchmarks.price.peers"
_SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_SELL, _SOLD = "onex.cmd.bench.sell.v1", "onex.evt.bench.sold.v1"
_LADDER = (1000, 2000, 4000, 8000, 12_000, 16_000, 20_000)
_HELD_MS = 100.0
"""An entry sustains a rate when 99 of 100 messages take no longer, in milliseconds."""
_HELD_SECONDS = 4
_WARM_UP = 20
_TERMINATED = 143
"""Exit code of a Java process that SIGTERM ended."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: the processes that it takes, and the way of a message through them."""

    name: str
    entries: Sequence[Entry]
    path: Path
    climbs: bool = False
    """Whether its highest rate is looked for."""

    @property
    def is_ours(self) -> bool:
        """Whether nodes of the mesh do it."""
        return all(entry.is_ours for entry in self.entries)


def subjects(field: Cluster, *, quick: bool) -> list[Subject]:
    """Mesh, hand-written loop, workflow; then the peers that answer one message at a time."""
    order = Codec.of_topic(setup.node().routes[setup.INPUT].model, setup.INPUT, field.catalogue)
    workflow = _workflow()
    sell = Codec.of_topic(workflow[0].routes[_SELL].model, _SELL, field.catalogue)
    hop = Path(
        setup.INPUT,
        setup.OUTPUT,
        lambda key: order.encode(
            order.model(order_id=key, customer="c", sku="s", quantity=1, unit_price=1.0, placed_ms=1_700_000_000_000)
        ),
    )
    trip = Path(_SELL, _SOLD, lambda key: sell.encode(sell.model(order_id=key, customer="c", quantity=2)))
    agents = [mesh(node.contract.name, node.folder, node.contract.group("{group}")) for node in workflow]
    alone = {
        "onex": mesh("onex", setup.FOLDER, setup.node().contract.group("{group}")),
        "handwritten": ours("handwritten", f"{_PEERS}.handwritten"),
        "aiokafka loop": ours("aiokafka loop", f"{_PEERS}.aiokafka_loop"),
        "quix": theirs("quix", f"{_PEERS}.quix", "soon", exactly_once=True),
        "kafka streams": java("kafka streams", "PriceStreams"),
        "faust, at least once": theirs("faust", f"{_PEERS}.faust_agent"),
        "faststream aiokafka, at least once": theirs(
            "faststream", f"{_PEERS}.faststream_subscriber", "aiokafka", "default"
        ),
    }
    able = {entry.name for entry in present(list(alone.values()))}
    hops = [
        Subject(name, [entry], hop, climbs=name in ("onex", "handwritten"))
        for name, entry in alone.items()
        if entry.name in able
    ]
    workflows = [Subject("onex, workflow of four hops", agents, trip, climbs=True)]
    return hops[:2] if quick else [*hops[:1], *workflows, *hops[1:]]


def _workflow() -> list[ResolvedNode]:
    here, names = Folder(__file__).parent, ("node_sale_orchestrator", "node_quote_compute", "node_label_compute")
    return [resolve_node(here / name / "v1_0_0") for name in names]


def main() -> None:
    """Run, print and write ``build/bench/latency.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rates", type=int, nargs="*", default=[50, 500], help="messages a second")
    parser.add_argument("--seconds", type=int, default=15, help="how long each rate is kept up")
    parser.add_argument("--quick", action="store_true", help="mesh and hand-written loop alone, at 50 a second")
    options = parser.parse_args()
    rates, seconds = ([50], 6) if options.quick else (options.rates, options.seconds)
    found: dict[tuple[str, str], list[float]] = {}
    failed: dict[str, str] = {}
    with cluster() as field:
        field.provision([setup.node(), *_workflow()])
        for first in subjects(field, quick=options.quick)[:2]:  # the broker is slower before its code is compiled
            _measured(field, first, [200], _WARM_UP, climb=False)
        subjects_left = subjects(field, quick=options.quick)
        for run in range(1, options.runs + 1):
            for subject in list(subjects_left):
                try:
                    measured = _measured(field, subject, rates, seconds, climb=not options.quick)
                except PeerFailedError as error:
                    if subject.is_ours:
                        raise
                    failed[subject.name] = str(error)
                    subjects_left.remove(subject)
                    continue
                for what, value in measured:
                    found.setdefault((f"{subject.name}, {what}", "/s" if "held" in what else "ms"), []).append(value)
                    print(f"run {run} {subject.name:<36} {what:<22} {value:10,.2f}", flush=True)
    report = Report("latency")
    report.leave_out(failed)
    for (entry, unit), series in found.items():
        if entry.rpartition(", ")[0] not in failed:
            report.add(Series(entry, unit, series))
    report.write()


def _measured(
    field: Cluster, subject: Subject, rates: Sequence[int], seconds: int, *, climb: bool
) -> list[tuple[str, float]]:
    """Percentiles at each rate, and the highest rate that an entry sustains."""
    names = [f"bench{uuid.uuid4().hex[:8]}" for _ in subject.entries]
    path, processes = subject.path, []
    for entry, name in zip(subject.entries, names, strict=True):
        processes += launch(field, entry, setup.INPUT, setup.OUTPUT, name)
    found: list[tuple[str, float]] = []
    try:
        for rate in rates:
            delays = probe(field, path, rate, rate * seconds)
            for share, part in _SHARES.items():
                found.append((f"{share} at {rate}/s", delays[int(len(delays) * part)]))
        if climb and subject.climbs:
            found.append(("highest rate held", _highest(field, path)))
    finally:
        end(processes)
    if any(process.returncode not in (0, _TERMINATED) for process in processes):
        sys.exit(f"{subject.name} failed")
    return found


def _highest(field: Cluster, path: Path) -> float:
    held = 0.0
    for rate in _LADDER:
        delays = probe(field, path, rate, rate * _HELD_SECONDS)
        if delays[int(len(delays) * 0.99)] > _HELD_MS:
            break
        held = rate
    return held


if __name__ == "__main__":
    main()
