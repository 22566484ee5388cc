"""Decides from results and tests whether a node passes its level."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from onex.codegen.model import EnumValidationLevel, ModelTestRun, ModelValidationResult
from onex.codegen.validate.validator import STAGES

TESTS = "tests"
"""Name of the gate of the generated tests."""
_WITH_TESTS = frozenset({EnumValidationLevel.STANDARD, EnumValidationLevel.STRICT})


class ModelQualityGate(BaseModel):
    """One gate."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Name of the stage, or ``tests``."""
    passed: bool
    seconds: float = 0.0
    cached: bool = False
    errors: int = 0
    warnings: int = 0
    suppressed: int = 0
    reason: str = ""
    """Why it failed. Empty when it passed."""


class ModelQualityReport(BaseModel):
    """The gates of a level, with their findings."""

    model_config = ConfigDict(frozen=True)

    level: EnumValidationLevel
    passed: bool
    gates: tuple[ModelQualityGate, ...]
    validation: tuple[ModelValidationResult, ...]
    tests: ModelTestRun | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the gates that failed."""
        return tuple(gate.name for gate in self.gates if not gate.passed)


class QualityGateValidator:
    """Decides by a level. A gate that did not run has not passed."""

    def __init__(self, level: EnumValidationLevel) -> None:
        self.level = level

    @property
    def wants_tests(self) -> bool:
        """Whether the level runs the generated tests."""
        return self.level in _WITH_TESTS

    def evaluate(
        self, results: Sequence[ModelValidationResult], tests: ModelTestRun | None = None
    ) -> ModelQualityReport:
        """Return every gate of the level, passed or failed."""
        by_stage = {result.stage: result for result in results}
        gates = [self._stage(stage, by_stage.get(stage)) for stage in STAGES[self.level]]
        if self.wants_tests:
            gates.append(_tests(tests))
        return ModelQualityReport(
            level=self.level,
            passed=all(gate.passed for gate in gates),
            gates=tuple(gates),
            validation=tuple(results),
            tests=tests,
        )

    def _stage(self, name: str, result: ModelValidationResult | None) -> ModelQualityGate:
        if result is None:
            return ModelQualityGate(name=name, passed=False, reason="did not run")
        errors, warnings = len(result.errors), len(result.warnings)
        reason = ""
        if errors:
            reason = f"{errors} error{'s' * (errors > 1)}"
        elif warnings and self.level is EnumValidationLevel.STRICT:
            reason = f"{warnings} warning{'s' * (warnings > 1)}"
        return ModelQualityGate(
            name=name,
            passed=not reason,
            seconds=result.seconds,
            cached=result.cached,
            errors=errors,
            warnings=warnings,
            suppressed=len(result.suppressed),
            reason=reason,
        )


def _tests(run: ModelTestRun | None) -> ModelQualityGate:
    if run is None:
        return ModelQualityGate(name=TESTS, passed=False, reason="did not run")
    reason = ""
    if run.failed:
        reason = f"{run.failed} of {run.failed + run.passed} failed"
    elif not run.passed:
        reason = "no test ran"
    return ModelQualityGate(name=TESTS, passed=not reason, seconds=run.seconds, errors=run.failed, reason=reason)
