"""Medians, spread, ratios; JSON and Markdown."""

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

_PACKAGES = ("confluent-kafka", "fastavro", "pydantic")


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


def machine() -> Mapping[str, str]:
    """What the figures were measured on."""
    found = {name: version(name) for name in _PACKAGES}
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    cores = str(psutil.cpu_count())
    return {"python": platform.python_version(), "cores": cores, "memory": memory, "kafka": "4.3.0", **found}


def write_json(file: Path, name: str, series: Sequence[Series], ratio: float | None) -> None:
    """One file per benchmark."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {"benchmark": name, "machine": machine(), "ratio": ratio, "series": [asdict(s) for s in series]}
    file.write_text(json.dumps(data, indent=2) + "\n")
