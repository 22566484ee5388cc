"""Medians, spread, ratios; JSON for ``benchmarks.results``."""

import json
import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.field.meter import Reading
from onex.local.jars import KAFKA_VERSION

FOLDER = Path("build/bench")
_PACKAGES = ("confluent-kafka", "aiokafka", "fastavro", "pydantic", "rocksdict")
_PEERS = Path("benchmarks/peers.txt")


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one entry, one per run."""

    entry: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """Median of all runs."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:,.1f} {self.unit} ({min(self.values):,.1f} to {max(self.values):,.1f})"


@dataclass(slots=True)
class Report:
    """What one benchmark found."""

    name: str
    series: list[Series] = field(default_factory=list)
    ratios: list[Series] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, series: Series) -> None:
        """One more line of the table."""
        self.series.append(series)

    def add_readings(self, readings: Mapping[str, Sequence[Reading]]) -> None:
        """Speed, processor time and start of each entry. Entries whose rate had not settled are named in a note."""
        for name, found in readings.items():
            self.add(Series(name, "messages/s", [reading.rate for reading in found]))
            self.add(Series(f"{name}, CPU", "us a message", [reading.cpu for reading in found]))
        for name, found in readings.items():
            self.add(Series(f"{name}, start to first result", "s", [reading.start for reading in found]))
            self.add(Series(f"{name}, first result to steady rate", "s", [reading.warm_up for reading in found]))
            if unsteady := sum(not reading.is_steady for reading in found):
                self.notes.append(f"{name}: the rate still changed by 5% or more after a minute in {unsteady} runs.")

    def compare(self, ours: str, theirs: str) -> None:
        """Ratio of two entries, run by run; nothing when one of them was left out."""
        found = {series.entry: series for series in self.series}
        if ours in found and theirs in found and ours != theirs:
            pairs = zip(found[ours].values, found[theirs].values, strict=True)
            self.ratios.append(Series(f"{ours} / {theirs}", "", [mine / other for mine, other in pairs]))

    def leave_out(self, wrong: Mapping[str, str]) -> None:
        """Entries whose outputs were wrong, and what was seen."""
        self.notes += [f"{entry} is left out: {why}" for entry, why in wrong.items()]

    def write(self) -> None:
        """Print, and write ``build/bench/{name}.json``."""
        for line in self.series:
            print(f"{line.entry:<44} {line}")
        for ratio in self.ratios:
            print(f"{ratio.entry:<60} {ratio.median:8.2f} ({min(ratio.values):.2f} to {max(ratio.values):.2f})")
        FOLDER.mkdir(parents=True, exist_ok=True)
        data = {
            "benchmark": self.name,
            "machine": machine(),
            "series": [asdict(series) for series in self.series],
            "ratios": [asdict(ratio) for ratio in self.ratios],
            "notes": self.notes,
        }
        (FOLDER / f"{self.name}.json").write_text(json.dumps(data, indent=2) + "\n")


def machine() -> Mapping[str, str]:
    """What the figures were measured on."""
    found = {name: version(name) for name in _PACKAGES}
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    system = f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}"
    cores = str(len(os.sched_getaffinity(0)))
    python = f"{platform.python_version()} ({platform.python_compiler()})"
    pins = (line.partition("==") for line in _PEERS.read_text().splitlines() if "==" in line)
    peers = {name.partition("[")[0]: pin for name, _, pin in pins}
    return {
        "python": python,
        "system": system,
        "cores": cores,
        "memory": memory,
        "kafka": KAFKA_VERSION,
        "java of the peers": _java(),
        **peers,
        **found,
    }


def _java() -> str:
    if not shutil.which("java"):
        return "none"
    return subprocess.run(["java", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
