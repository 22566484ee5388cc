"""``python -m benchmarks.soak --minutes 15``: memory of the order workflow's agents under a hostile sender.

Good orders at a steady rate, and between them the corpus of :mod:`tests.hostile_corpus`. Every five seconds the
memory of each agent is noted. In the end every good order must have its one completion and every junk record its one
dead letter. Writes ``build/bench/soak.json`` and ``benchmarks/plots/soak.svg``.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.field.cluster import cluster
from benchmarks.plots import curves
from benchmarks.report import FOLDER
from benchmarks.soak.agents import Agents
from benchmarks.soak.outcomes import Outcomes
from benchmarks.soak.sender import Sender
from onex.contract import resolve_node

_ORDERS = Path(__file__).parents[2] / "examples" / "orders"
_EVERY = 5.0
_REST = 120.0


def main() -> int:
    """Run, print, write. Return 1 when an order or a dead letter is missing or duplicated, or a process has ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--orders", type=float, default=20.0, help="good orders a second")
    parser.add_argument("--hostile", type=float, default=20.0, help="hostile records a second")
    options = parser.parse_args()
    sys.path.append(str(_ORDERS))
    nodes = [resolve_node(folder) for folder in sorted(_ORDERS.glob("node_*/v1_0_0"))]
    samples: dict[str, list[tuple[float, float]]] = {node.contract.name: [] for node in nodes}
    with cluster() as field:
        field.provision(nodes)
        home = field.scratch("home")
        environment = {"KAFKA_BOOTSTRAP_SERVERS": field.bootstrap, "ONEX_HOME": str(home), "ONEX_ENV": "soak"}
        outcomes = Outcomes(field.bus, field.catalogue, nodes)
        with Agents(nodes, home, environment) as agents:
            sender = Sender(field.bootstrap, options.orders, options.hostile)
            began = time.monotonic()
            while (passed := time.monotonic() - began) < options.minutes * 60:
                sender.check()
                agents.watch()
                for name, size in agents.memory().items():
                    samples[name].append((passed / 60, size))
                until = time.monotonic() + _EVERY
                while time.monotonic() < until:
                    outcomes.read()
            sender.stop()
            rest = time.monotonic() + _REST
            while time.monotonic() < rest and not _is_complete(sender, outcomes):
                agents.watch()
                outcomes.read()
            outcomes.read()
        outcomes.close()
        for log in home.glob("*.log"):
            (FOLDER / "soak").mkdir(parents=True, exist_ok=True)
            (FOLDER / "soak" / log.name).write_bytes(log.read_bytes())
    return _report(options.minutes, samples, sender, outcomes, agents)


def _is_complete(sender: Sender, outcomes: Outcomes) -> bool:
    letters = sum(outcomes.dead_letters.values())
    return len(outcomes.completions) >= len(sender.orders) and letters >= sender.hostile["dead letter"]


def _report(
    minutes: float,
    samples: dict[str, list[tuple[float, float]]],
    sender: Sender,
    outcomes: Outcomes,
    agents: Agents,
) -> int:
    print("| agent | MiB at the start | after a fifth | in the last fifth | most | ended |")
    print("|---|---|---|---|---|---|")
    rows: dict[str, dict[str, float]] = {}
    for name, points in samples.items():
        sizes = [size for _, size in points]
        fifth = max(1, len(sizes) // 5)
        early, late = statistics.median(sizes[fifth : 2 * fifth] or sizes), statistics.median(sizes[-fifth:])
        rows[name] = {
            "first": sizes[0],
            "early": early,
            "late": late,
            "most": max(sizes),
            "ended": agents.ended[name],
        }
        print(f"| {name} | {sizes[0]:.0f} | {early:.0f} | {late:.0f} | {max(sizes):.0f} | {agents.ended[name]} |")
    counts = {
        "good orders": len(sender.orders),
        "completions": len(outcomes.completions),
        "completions of one order twice": sum(count > 1 for count in outcomes.completions.values()),
        "junk records": sender.hostile["dead letter"],
        "dead letters": sum(outcomes.dead_letters.values()),
        "processes ended": sum(agents.ended.values()),
    }
    for what, count in counts.items():
        print(f"{what}: {count:,}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    facts = {"minutes": minutes, "agents": rows, "counts": counts, "samples": samples}
    (FOLDER / "soak.json").write_text(json.dumps(facts, indent=1) + "\n")
    title = f"Memory of each agent, {counts['junk records']:,} junk records among {counts['good orders']:,} orders"
    print(curves("soak", title, "minutes", "MiB", samples))
    good = counts["completions"] == counts["good orders"] and counts["dead letters"] == counts["junk records"]
    return 0 if good and not counts["completions of one order twice"] and not counts["processes ended"] else 1


if __name__ == "__main__":
    sys.exit(main())
