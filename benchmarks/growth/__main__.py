"""``python -m benchmarks.growth``: what a message costs when there is more of something, over three decades of it."""

import argparse
import time
from collections.abc import Mapping

import psutil

from benchmarks.field.cluster import cluster
from benchmarks.field.entries import Entry, mesh
from benchmarks.field.launch import end, launch
from benchmarks.field.meter import Reading
from benchmarks.field.turns import Turns
from benchmarks.price import setup as price
from benchmarks.report import Report, Series
from benchmarks.total import setup as total
from onex.bus.protocols import Partition

_WINDOW = 60.0
_SETTLE, _IDLE = 5.0, 20.0


def main() -> None:
    """Run, check, print and write ``build/bench/growth.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="points that have this in their name; others are left out")
    options = parser.parse_args()
    report = Report("growth")
    # A thousand partitions cannot be filled on one small broker before records time out: docs/scale.md.
    every = [
        *((f"{count:,} messages", lambda runs, n=count: _priced(runs, count=n)) for count in _decades(3000)),
        *((f"{size:,} bytes of payload", lambda runs, n=size: _sized(runs, n)) for size in _decades(100)),
        *((f"{number:,} partitions", lambda runs, n=number: _spread(runs, n)) for number in (1, 10, 100)),
        *((f"{number:,} keys", lambda runs, n=number: _keyed(runs, n)) for number in _decades(1000)),
    ]
    points = [(name, point) for name, point in every if options.only in name]
    for number in (1, 10, 50) if options.only in "idle agents" else ():
        cpu, memory = zip(*(_idle(number) for _ in range(options.runs)), strict=True)
        report.add(Series(f"{number} idle agents, CPU of each", "ms a second", cpu))
        report.add(Series(f"{number} idle agents, memory of each", "MiB", memory))
    for name, point in points:
        readings = point(options.runs)
        report.add(Series(name, "messages/s", [reading.rate for reading in readings]))
        report.add(Series(f"{name}, CPU", "us a message", [reading.cpu for reading in readings]))
        report.add(Series(f"{name}, memory", "MiB", [reading.memory for reading in readings]))
    report.write()


def _decades(first: int) -> tuple[int, int, int, int]:
    return first, first * 10, first * 100, first * 1000


def _idle(agents: int) -> tuple[float, float]:
    """Milliseconds of processor time a second, and MiB that no other process shares, of each of many agents."""
    with cluster() as field:
        price.provision(field, agents)
        contract = price.node().contract
        entry = mesh("idle", price.FOLDER, contract.group("{group}"), instances=agents)
        processes = launch(field, entry, price.INPUT, price.OUTPUT, "idle")
        try:
            price.fill(field, agents)
            inputs, held = field.partitions(price.INPUT), contract.group("idle")
            while sum(field.committed(held, inputs).values()) < agents:
                time.sleep(0.1)
            time.sleep(_SETTLE)
            watched = [psutil.Process(process.pid) for process in processes]
            before = sum(sum(process.cpu_times()[:2]) for process in watched)
            time.sleep(_IDLE)
            used = sum(sum(process.cpu_times()[:2]) for process in watched) - before
            memory = sum(process.memory_full_info().uss for process in watched) / 2**20
        finally:
            end(processes)
        return used / _IDLE / agents * 1000, memory / agents


def _sized(runs: int, payload: int) -> list[Reading]:
    return _priced(runs, count=max(3000, min(300_000, 300_000_000 // (payload + 400))), payload=payload)


def _spread(runs: int, partitions: int) -> list[Reading]:
    return _priced(runs, partitions=partitions)


def _priced(runs: int, count: int = 300_000, payload: int = 0, partitions: int = 4) -> list[Reading]:
    with cluster() as field:
        price.provision(field, partitions)
        price.fill(field, count, payload)

        def check(_: Entry, begins: Mapping[Partition, int]) -> int:
            return price.check(field, begins, count)

        name = f"{count:,} x {payload:,} bytes, {partitions} partitions"
        entry = mesh(name, price.FOLDER, price.node().contract.group("{group}"))
        turns = Turns(field, price.INPUT, price.OUTPUT, count, _WINDOW, check, whole=True)
        return turns.take([entry], runs)[name]


def _keyed(runs: int, accounts: int, count: int = 300_000) -> list[Reading]:
    with cluster() as field:
        node = total.node()
        field.provision([node])
        total.fill(field, max(count, accounts), accounts)

        def check(_: Entry, begins: Mapping[Partition, int]) -> int:
            return total.check(field, begins, accounts)

        entry = mesh(f"{accounts:,} keys", total.FOLDER, node.contract.group("{group}"))
        changelog = node.contract.changelog_topic
        turns = Turns(field, total.INPUT, total.OUTPUT, max(count, accounts), _WINDOW, check, changelog, whole=True)
        return turns.take([entry], runs)[entry.name]


if __name__ == "__main__":
    main()
