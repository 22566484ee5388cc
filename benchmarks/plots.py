"""Pictures of the results: a bar for each entry, and a line from its lowest to its highest run."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

FOLDER = Path("benchmarks/plots")
_OURS, _OTHERS = "#c2410c", "#94a3b8"
_NAME = "onex"
Bar = tuple[str, Sequence[float]]


def draw(name: str, title: str, unit: str, bars: Sequence[Bar]) -> Path:
    """Write ``plots/{name}.svg``; the largest on top."""
    ordered = sorted(bars, key=lambda bar: statistics.median(bar[1]))
    medians = [statistics.median(values) for _, values in ordered]
    spread = [
        [median - min(values) for median, (_, values) in zip(medians, ordered, strict=True)],
        [max(values) - median for median, (_, values) in zip(medians, ordered, strict=True)],
    ]
    matplotlib.rcParams.update({"svg.hashsalt": name, "font.size": 9, "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(figsize=(8, 0.7 + 0.32 * len(ordered)))
    colours = [_OURS if entry.startswith(_NAME) else _OTHERS for entry, _ in ordered]
    axes.barh([entry for entry, _ in ordered], medians, xerr=spread, color=colours, ecolor="#334155", height=0.7)
    axes.set_title(title, loc="left")
    axes.set_xlabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
    figure.tight_layout()
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.svg"
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return file


def curves(name: str, title: str, across: str, unit: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> Path:
    """Write ``plots/{name}.svg``: a curve for each entry, from zero."""
    matplotlib.rcParams.update({"svg.hashsalt": name, "font.size": 9, "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    for entry, points in lines.items():
        axes.plot([at for at, _ in points], [value for _, value in points], label=entry, linewidth=1.2)
    axes.set_title(title, loc="left")
    axes.set_xlabel(across)
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="lower right")
    figure.tight_layout()
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.svg"
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return file
