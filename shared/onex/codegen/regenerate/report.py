"""A report on regenerated nodes, in Markdown with a chart."""

from collections.abc import Sequence
from typing import Final

from onex.codegen.regenerate.features import EnumFeature, feature_of_mixin
from onex.codegen.regenerate.metrics import EnumGate, ModelNodeVersion, ModelRegenerationMetrics, project_metrics

_MOST_NOTES: Final = 100
"""Notes of a node in a report. The JSON form has all."""


def markdown(nodes: Sequence[ModelRegenerationMetrics], chart: str = "") -> str:
    """Return the report. ``chart`` is the path of the chart, as the report refers to it; without it there is none."""
    lines = ["# Regeneration report", "", *_summary(nodes)]
    if chart:
        lines += [f"![Logical lines by feature, before and after]({chart})", ""]
    for node in nodes:
        lines += _node(node)
    return "\n".join(lines).rstrip("\n") + "\n"


def _summary(nodes: Sequence[ModelRegenerationMetrics]) -> list[str]:
    project = project_metrics(nodes)
    rows = [
        ("Nodes", f"{project.nodes}"),
        ("Logical lines before", f"{project.lines_before}"),
        ("Logical lines after", f"{project.lines_after} ({_percent(-project.reduction_percent)})"),
        ("Capabilities per node", f"{project.mixins_per_node:.1f}"),
        ("Nodes with capabilities", f"{project.nodes_with_mixins}"),
        ("Handlers with a generated body", f"{project.generated_handlers} of {project.handlers}"),
        ("Unfinished handlers", f"{project.unfinished_handlers}"),
        ("Conflicts", f"{project.conflicts}"),
    ]
    if project.generation_seconds:
        rows.append(("Mean time to generate", f"{project.generation_seconds:.3f} s"))
    if any(node.after.gates for node in nodes):
        rows += [
            ("Nodes that pass every gate", f"{project.nodes_passed} of {project.nodes}"),
            ("Mean time of the gates", f"{project.validation_seconds:.3f} s"),
        ]
    return [*_table(("", "all nodes"), rows), ""]


def _node(node: ModelRegenerationMetrics) -> list[str]:
    before, after = node.before, node.after
    versions = before.version if before.version == after.version else f"{before.version} to {after.version}"
    lines = [f"## {node.name}", "", f"{node.kind}, version {versions}.", ""]
    features = [item for item in EnumFeature if before.lines.get(item) or after.lines.get(item)]
    rows = [
        (item.value, f"{before.lines.get(item, 0)}", f"{after.lines.get(item, 0)}", _by(item, after))
        for item in features
    ]
    rows.append(("**all**", f"{before.total}", f"{after.total} ({_percent(-node.reduction_percent)})", ""))
    lines += [*_table(("feature", "lines before", "lines after", "capability"), rows), ""]
    facts = [
        ("capabilities", _names(before.mixins), _names(after.mixins)),
        ("unfinished handlers", _names(before.unfinished), _names(after.unfinished)),
    ]
    for stage in dict.fromkeys((*before.gates, *after.gates)):
        results = [version.gates.get(stage, EnumGate.NOT_RUN).value for version in (before, after)]
        facts.append((f"gate {stage.value}", results[0], results[1]))
    if before.gates or after.gates:
        facts.append(("time of the gates", f"{before.validation_seconds:.3f} s", f"{after.validation_seconds:.3f} s"))
    lines += [*_table(("", "before", "after"), facts), ""]
    took = f"Generated in {node.generation_seconds:.3f} s; " if node.generation_seconds else ""
    lines += [f"{took}{len(node.changed_files)} files change.", ""]
    if node.notes:
        shown = [
            f"- `{note.kind.value}` {_escaped(note.name)}, {_place(note.file, note.line)}: {_escaped(note.message)}"
            for note in node.notes[:_MOST_NOTES]
        ]
        if len(node.notes) > _MOST_NOTES:
            shown.append(f"- and {len(node.notes) - _MOST_NOTES} more")
        lines += [*shown, ""]
    return lines


def _place(file: str, line: int) -> str:
    return f"`{_escaped(file)}:{line}`" if line else f"`{_escaped(file)}`"


def _by(feature: EnumFeature, version: ModelNodeVersion) -> str:
    """Return the capabilities that have a feature."""
    return ", ".join(name for name in version.mixins if feature_of_mixin(name) is feature)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _percent(change: float) -> str:
    return f"{change:+.1f} %" if change else "no change"


def _escaped(text: str) -> str:
    """Return a text of a contract or a file name on one line, without the signs that Markdown and HTML read."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (
        plain.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[").replace("]", "\\]")
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[_cell(text) for text in row] for row in rows]
    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join(' --- ' for _ in head)}|",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
