"""``python -m benchmarks.results``: RESULTS.md from the JSON files of the last runs."""

import json
import statistics
from pathlib import Path

_ABOUT = {
    "price": "Orders in Avro with four headers, validated, priced, Avro out, exactly-once, 4 partitions, one "
    "process. The hand-written loop uses confluent-kafka, fastavro, pydantic and transactions with the same "
    "batches and client settings, and writes 4 headers; the mesh writes 10. Every output is checked for count, "
    "sums, order and headers.",
    "latency": "One exactly-once hop at 50 messages a second, from publishing to reading the committed result, "
    "between two processes and a broker on the same machine.",
    "retry": "An effect in key order, 200 messages a second over 100 keys, while a share of the keys fails at every "
    "attempt and waits on the retry topic: latency of the other keys, which share their partitions.",
    "state": "A reducer with a million keys in its changelog: from the start of its process to ready, with and "
    "without the copy that an earlier process left; one of two instances stops, until every partition answers again; "
    "and an orchestrator with 100,000 open workflows that have a timer each.",
}


def main() -> None:
    """Write ``benchmarks/RESULTS.md``."""
    lines = [
        "# Results",
        "",
        "Written by `make bench` from what it measured; medians of all runs, lowest to highest.",
        "",
    ]
    for file in sorted(Path("build/bench").glob("*.json"), reverse=True):
        data = json.loads(file.read_text())
        machine = ", ".join(f"{name} {value}" for name, value in data["machine"].items())
        runs = len(data["series"][0]["values"])
        lines += [
            f"## {data['benchmark']}",
            "",
            _ABOUT[data["benchmark"]],
            "",
            f"{runs} interleaved runs on {machine}.",
            "",
        ]
        lines += ["| entry | median | lowest | highest | |", "|---|---|---|---|---|"]
        for series in data["series"]:
            values = series["values"]
            cells = (f"{number:,.1f}" for number in (statistics.median(values), min(values), max(values)))
            lines.append(f"| {series['entry']} | {' | '.join(cells)} | {series['unit']} |")
        if data["ratio"] is not None:
            lines += ["", f"Median of the ratios run by run, mesh to hand-written: **{data['ratio']:.2f}**."]
        lines.append("")
    Path("benchmarks/RESULTS.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
