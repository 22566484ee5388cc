"""What a stage of NodeValidator found."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from onex.codegen.model.enums import EnumValidationStage


class ModelFinding(BaseModel):
    """One problem, with its place and its remedy."""

    model_config = ConfigDict(frozen=True)

    severity: Literal["error", "warning"]
    file: str
    """Path below the services folder, such as ``node_x_effect/v1_0_0/node.py``. Empty means all files."""
    line: int
    """From 1. 0 means the whole file."""
    rule: str
    """Stable name of the rule, such as ``purity.clock`` or ``bandit.B602``."""
    message: str
    remedy: str

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.line else self.file or "files"
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{at}: {self.message}{remedy} [{self.rule}]"


class ModelValidationResult(BaseModel):
    """Result of one stage."""

    model_config = ConfigDict(frozen=True)

    stage: EnumValidationStage
    findings: tuple[ModelFinding, ...] = ()
    suppressed: tuple[ModelFinding, ...] = ()
    """Findings that a comment ``# onex: allow[rule] reason`` allows. The reason takes the place of the remedy."""
    seconds: float
    """Seconds that the stage took; 0 when the result is that of an earlier validation."""
    cached: bool = False
    """Whether the result is that of an earlier validation of the same files."""

    @property
    def errors(self) -> tuple[ModelFinding, ...]:
        """Findings that fail the stage."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[ModelFinding, ...]:
        """Findings that fail the stage in level STRICT alone."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")
