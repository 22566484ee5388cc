"""A report of gates, for people. Its JSON is that of the model."""

import io

from onex.codegen.model import ModelFinding
from onex.codegen.validate.gates import ModelQualityReport

_WIDTH = 110


def report_text(report: ModelQualityReport, *, most_findings: int = 50, width: int = _WIDTH) -> str:
    """Return a table of the gates, followed by findings, errors first."""
    # Most programs that import the generator print no report.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"Quality gates, level {report.level}: {'passed' if report.passed else 'failed'}")
    for name in ("gate", "result"):
        table.add_column(name)
    for name in ("errors", "warnings", "allowed", "seconds"):
        table.add_column(name, justify="right")
    for gate in report.gates:
        table.add_row(
            gate.name,
            "passed" if gate.passed else Text(f"failed: {gate.reason}"),
            *(str(count) if count else "" for count in (gate.errors, gate.warnings, gate.suppressed)),
            "cached" if gate.cached else f"{gate.seconds:.2f}",
        )
    output = io.StringIO()
    console = Console(file=output, width=width, color_system=None, force_terminal=False)
    console.print(table)
    lines = list(finding_lines(report))
    for line in lines[:most_findings]:
        console.print(Text(line), soft_wrap=True)
    if len(lines) > most_findings:
        console.print(f"... and {len(lines) - most_findings} more")
    if report.tests is not None and report.tests.output:
        console.print(Text(report.tests.output), soft_wrap=True)
    return output.getvalue()


def finding_lines(report: ModelQualityReport) -> list[str]:
    """Return a line for each finding, errors first, and for each that a comment allows."""
    found: list[ModelFinding] = [finding for result in report.validation for finding in result.findings]
    found.sort(key=lambda finding: (finding.severity, finding.file, finding.line))
    lines = [f"{finding.severity}: {finding}" for finding in found]
    allowed = [finding for result in report.validation for finding in result.suppressed]
    return lines + [f"allowed: {finding}" for finding in allowed]
