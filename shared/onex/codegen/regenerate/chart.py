"""A bar chart of logical lines by feature, before and after, as SVG."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from onex.codegen.regenerate.features import EnumFeature
from onex.codegen.regenerate.metrics import ModelRegenerationMetrics

_BAR, _GAP, _LEFT, _WIDE, _RIGHT, _TOP = 12, 14, 120, 460, 60, 44
_BEFORE, _AFTER, _TEXT = "#8c9bb0", "#2563a8", "#1f2937"
_FONT: Final = "font-family='system-ui, sans-serif' font-size='12'"


def chart(nodes: Sequence[ModelRegenerationMetrics]) -> str:
    """Return the chart over all nodes: two bars for each feature that has lines."""
    before, after = Counter[EnumFeature](), Counter[EnumFeature]()
    for node in nodes:
        before.update(node.before.lines)
        after.update(node.after.lines)
    features = [item for item in EnumFeature if before[item] or after[item]]
    most = max([*before.values(), *after.values(), 1])
    row = 2 * _BAR + _GAP
    width, height = _LEFT + _WIDE + _RIGHT, _TOP + row * len(features) + _GAP
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='img' aria-label='Logical lines by feature, before and after'>",
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
        *_legend(),
    ]
    for index, feature in enumerate(features):
        top = _TOP + index * row
        parts.append(_text(_LEFT - 8, top + _BAR + 4, feature.value, "end"))
        parts += _bar(top, before[feature], most, _BEFORE)
        parts += _bar(top + _BAR, after[feature], most, _AFTER)
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> list[str]:
    return [
        f"<rect x='{_LEFT}' y='14' width='12' height='12' fill='{_BEFORE}'/>",
        _text(_LEFT + 18, 24, "lines before", "start"),
        f"<rect x='{_LEFT + 120}' y='14' width='12' height='12' fill='{_AFTER}'/>",
        _text(_LEFT + 138, 24, "lines after", "start"),
    ]


def _bar(top: int, lines: int, most: int, colour: str) -> list[str]:
    length = round(_WIDE * lines / most, 1)
    return [
        f"<rect x='{_LEFT}' y='{top}' width='{length:g}' height='{_BAR}' fill='{colour}'/>",
        _text(_LEFT + length + 5, top + _BAR - 2, str(lines), "start"),
    ]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f"<text x='{x:g}' y='{y:g}' {_FONT} fill='{_TEXT}' text-anchor='{anchor}'>{text}</text>"
