"""The small table of README, from the same files as RESULTS.md."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

README = Path("README.md")
_BEGIN, _END = "<!-- speed: written by benchmarks.results -->", "<!-- end of speed -->"
_JOBS = {"price": "Orders priced, stateless", "total": "Running totals, keyed state with a changelog"}
_US = "onex"


class _Series(TypedDict):
    entry: str
    unit: str
    values: Sequence[float]


def write_summary(folder: Path) -> None:
    """Put the tables between README's two marks. A job that has no new figures keeps its table."""
    text = README.read_text()
    head, _, rest = text.partition(_BEGIN)
    earlier, _, tail = rest.partition(_END)
    tables = {title: table for title in _JOBS.values() if (table := _earlier_table(title, earlier))}
    for name, title in _JOBS.items():
        if (file := folder / f"{name}.json").exists():
            tables[title] = _table(title, json.loads(file.read_text())["series"])
    found = [tables[title] for title in _JOBS.values() if title in tables]
    README.write_text("\n".join([head + _BEGIN, *found, _END + tail]))


def _earlier_table(title: str, text: str) -> str:
    """Return the table whose first column has this title; empty when there is none."""
    tables = [table.strip("\n") for table in text.split("\n\n")]
    return next((f"\n{table}\n" for table in tables if table.startswith(f"| {title} |")), "")


def _table(title: str, series: Sequence[_Series]) -> str:
    found = {one["entry"]: one["values"] for one in series}
    rates = {one["entry"]: one["values"] for one in series if one["unit"] == "messages/s"}
    lines = [f"| {title} | messages/s | relative to one `onex` | CPU, us a message |", "|---|---|---|---|"]
    for entry in sorted(rates, key=lambda name: -statistics.median(rates[name])):
        lines.append(_line(entry, rates, found))
    return "\n".join(["", *lines, ""])


def _line(entry: str, rates: Mapping[str, Sequence[float]], found: Mapping[str, Sequence[float]]) -> str:
    ratios = [other / ours for other, ours in zip(rates[entry], rates[_US], strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    cpu = f"{statistics.median(found[f'{entry}, CPU']):.1f}"
    name = f"**{entry}**" if entry.startswith(_US) else entry
    return f"| {name} | {statistics.median(rates[entry]):,.0f} | {'1' if entry == _US else spread} | {cpu} |"
