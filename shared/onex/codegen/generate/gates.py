"""Decides whether a generation may go on after a step, by the quality gates of its level."""

from collections.abc import Sequence
from dataclasses import dataclass

from onex.codegen.model import EnumValidationLevel, ModelTestRun, ModelValidationResult


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether all gates so far let a generation pass, and the reason when they do not."""

    passed: bool
    reason: str = ""


def wants_tests(level: EnumValidationLevel) -> bool:
    """Return whether the level runs the generated tests."""
    return level in (EnumValidationLevel.STANDARD, EnumValidationLevel.STRICT)


def gate_of_validation(results: Sequence[ModelValidationResult], level: EnumValidationLevel) -> Gate:
    """Return the gate of the stages. One that did not run has not passed; in level STRICT a warning fails."""
    # It needs the extra `codegen`, which rendering does not.
    from onex.codegen.validate.gates import TESTS, QualityGateValidator

    report = QualityGateValidator(level).evaluate(results)
    failed = [gate for gate in report.gates if not gate.passed and gate.name != TESTS]
    if not failed:
        return Gate(True)
    findings = [
        finding
        for result in results
        for finding in (result.findings if level is EnumValidationLevel.STRICT else result.errors)
    ]
    if not findings:
        return Gate(False, "; ".join(f"{gate.name}: {gate.reason}" for gate in failed))
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Gate(False, f"{findings[0]}{more}")


def gate_of_tests(run: ModelTestRun) -> Gate:
    """Return the gate of the generated tests. A run without a test does not pass: it shows nothing."""
    if run.passed and not run.failed:
        return Gate(True)
    what = f"{run.failed} of {run.failed + run.passed} tests failed" if run.failed else "no test ran"
    return Gate(False, f"{what}\n{run.output}".strip())
