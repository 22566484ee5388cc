"""``python -m benchmarks.results``: RESULTS.md, and README's table, from the JSON files of the last runs."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from benchmarks.plots import draw
from benchmarks.report import FOLDER
from benchmarks.summary import write_summary


class _Series(TypedDict):
    entry: str
    unit: str
    values: Sequence[float]


class _Results(TypedDict):
    """The JSON that a benchmark writes."""

    benchmark: str
    machine: Mapping[str, str]
    series: Sequence[_Series]
    ratios: Sequence[_Series]
    notes: Sequence[str]


_ABOUT = {
    "stages": "Where the time of a message of the price node goes: each stage alone and warm, the best of many "
    "rounds; docs/performance.md reads it. Then what each layer adds to it.",
    "price": "Orders in Avro with four headers, validated, priced, Avro out with ten headers, 4 partitions. The mesh "
    "entries are `onex run` with its defaults; two instances are two processes. All peers get the same job, are "
    "measured from outside (broker's offsets, processor time of all their processes), and every output is checked "
    "for count, sums, order, headers and holes; FastStream's batches share one set of headers and lose the order. "
    "The hand-written loop lets records go as soon as they are done, which a profile found to be worth a fifth. "
    "In stages: the same loop with what the mesh's engine knows, 64 messages together, one stage after the other. "
    "Steady state: each entry runs until the rate of five seconds differs by less than 5% from that of the five "
    "seconds before, then for a window of 20 seconds; how long that took is a figure of its own.",
    "total": "Running totals by account: keyed state with a changelog, a total published after every amount, 10,000 "
    "accounts, 4 partitions, exactly-once. The hand-written loop keeps its totals in a dict and cannot restore them; "
    "the mesh and Kafka Streams keep theirs in RocksDB, faust in memory and at least once. "
    "Checked: every total, in order, none twice. Steady state, as above.",
    "slow": "10,000 calls of 2.5 ms on one partition over 1,000 keys, in order by key, offsets committed: from the "
    "begin of the first call to the end of the last. The mesh and the loop by hand run on uvloop and write their "
    "outputs exactly-once. Frameworks in Python are absent: none of them calls many at once in order by key.",
    "latency": "From publishing to reading the committed result, exactly-once where the peer has it, agents and a "
    "warm broker on the same machine: one hop, and a workflow of two steps, which takes four hops between agents and "
    "five transactions one after the other. The highest rate held is the last of a ladder (1,000, 2,000, 4,000, "
    "8,000, 12,000, 16,000, 20,000 a second) at which 99 of 100 messages take at most 100 ms.",
    "scale": "The price node over 8 partitions: one, two and four processes on two cores that also run the broker, "
    "next to as many hand-written loops and Kafka Streams with two threads.",
    "retry": "An effect in key order, 200 messages a second over 100 keys, while a share of the keys fails at every "
    "attempt and waits on the retry topic: latency of the other keys, which share their partitions.",
    "state": "A reducer with a million keys in its changelog: from the start of its process to ready, with and "
    "without the copy that an earlier process left; one of two instances stops, until every partition answers again; "
    "and an orchestrator with 100,000 open workflows that have a timer each.",
    "growth": "What a message of the price node (and, for keys, of the running total) costs when there is more of "
    "something. Exactly-once, one instance.",
    "capabilities": "What capabilities cost, in one process without Kafka: making a class, reaching an engine, and "
    "what each layer with its defaults adds to a message. In other kinds than EFFECT layers check each message of a "
    "batch, or hear of the whole; in an EFFECT they stand around each call. The audit log is measured without the "
    "broker that it waits for.",
    "reload": "A project of `onex init` in `onex dev`: from saving its handler until the line that says ready, when "
    "the agent before has ended and the new one runs. Then the new code answers a command. A run is one reload.",
    "start": "Cold start: from the start of the process of an agent to its first committed result, what it weighs "
    "when idle, and `onex up` in an empty folder.",
}
_ORDER = (
    "stages",
    "price",
    "total",
    "scale",
    "slow",
    "latency",
    "retry",
    "state",
    "growth",
    "start",
    "reload",
    "capabilities",
)
_PICTURES = {
    "price": ("Orders priced", "messages/s"),
    "total": ("Running totals", "messages/s"),
    "scale": ("Orders priced, 8 partitions", "messages/s"),
    "slow": ("10,000 calls of 2.5 ms", "s"),
}
"""Title, and the unit of the series that is drawn."""


_FILE = Path("benchmarks/RESULTS.md")


def main() -> None:
    """Write ``benchmarks/RESULTS.md`` and README's table. A benchmark that has no new figures keeps its section."""
    earlier = _sections(_FILE.read_text())
    lines = [
        "# Results",
        "",
        "Written by `make bench` from what it measured: medians of all runs, lowest to highest. Ratios are those of "
        "the runs, each entry against its neighbour in the same run.",
    ]
    lines = ["\n".join(lines) + "\n"]
    sections = dict(earlier)
    for file in filter(Path.exists, (FOLDER / f"{name}.json" for name in _ORDER)):
        sections[file.stem] = _section(json.loads(file.read_text()))
    if missing := [name for name in _ORDER if name not in sections]:
        lines += [f"Not measured yet: {', '.join(missing)}.\n"]
    _FILE.write_text("\n".join([*lines, *(sections[name] for name in _ORDER if name in sections)]))
    write_summary(FOLDER)


def _sections(text: str) -> dict[str, str]:
    """Return the sections of RESULTS.md, each with its heading, by name."""
    parts = text.split("\n## ")[1:]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in parts}


def _section(data: _Results) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in data["machine"].items())
    runs = max(len(series["values"]) for series in data["series"])
    lines = [f"## {data['benchmark']}", "", _ABOUT[data["benchmark"]], "", f"{runs} runs on {machine}.", ""]
    lines += ["| entry | median | lowest | highest | |", "|---|---|---|---|---|"]
    lines += [f"| {s['entry']} | {_cells(s['values'])} | {s['unit']} |" for s in data["series"]]
    if picture := _PICTURES.get(data["benchmark"]):
        title, unit = picture
        bars = [(s["entry"], s["values"]) for s in data["series"] if s["unit"] == unit]
        lines += ["", f"![{title}]({draw(data['benchmark'], title, unit, bars).relative_to('benchmarks')})"]
    if data["ratios"]:
        lines += ["", "| ratio | median | lowest | highest |", "|---|---|---|---|"]
        lines += [f"| {ratio['entry']} | {_cells(ratio['values'])} |" for ratio in data["ratios"]]
    lines += ["", *data["notes"]] if data["notes"] else []
    return "\n".join([*lines, ""])


def _cells(values: Sequence[float]) -> str:
    digits = 2 if max(values) < 10 else 1
    return " | ".join(f"{number:,.{digits}f}" for number in (statistics.median(values), min(values), max(values)))


if __name__ == "__main__":
    main()
