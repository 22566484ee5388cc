"""What an input changes in the runs of a workflow, as the agent counts it once its transaction is committed."""

from enum import StrEnum
from typing import NamedTuple

from onex.workflow.state import StepState


class EnumRunOutcome(StrEnum):
    """How a run ends."""

    COMPLETED = "completed"
    FAILED = "failed"
    CONTINUED = "continued"
    """It continues as new, with a new command."""


class EnumStepOutcome(StrEnum):
    """How a step ends."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its condition was False."""


class EnumUndoOutcome(StrEnum):
    """How the compensation of a step ends."""

    COMPENSATED = "compensated"
    NOT_COMPENSATED = "not_compensated"
    SENT = "sent"
    """Its command was sent, and the step has no ``compensated`` to wait for."""


class RunStarted(NamedTuple):
    """A command began a run, or the run continued as new."""


class RunEnded(NamedTuple):
    """A run ended, or continued as new."""

    outcome: EnumRunOutcome
    seconds: float
    """Since its start."""


class StepEnded(NamedTuple):
    """A step ended, the first time."""

    step: str
    outcome: EnumStepOutcome
    seconds: float | None
    """Since its first attempt, or since the run reached its signal; None when that was not stored."""


class StepRetried(NamedTuple):
    """A step began an attempt after the first."""

    step: str


class StepUndone(NamedTuple):
    """The compensation of a step ended."""

    step: str
    outcome: EnumUndoOutcome


Fact = RunStarted | RunEnded | StepEnded | StepRetried | StepUndone

_OPEN = ("waiting", "running", "retrying")
_ENDS = {status.value: status for status in EnumStepOutcome}
_UNDONE = {"compensated": EnumUndoOutcome.COMPENSATED, "not compensated": EnumUndoOutcome.NOT_COMPENSATED}


def facts_of_step(step: str, before: StepState, after: StepState, now_ms: int) -> list[Fact]:
    """Return the facts of one change of a step."""
    facts: list[Fact] = []
    if after.attempts > max(before.attempts, 1):
        facts.append(StepRetried(step))
    if before.status == after.status:
        return facts
    if before.status in _OPEN and (outcome := _ENDS.get(after.status)) is not None:
        facts.append(StepEnded(step, outcome, _seconds(before, now_ms)))
    elif (undone := _UNDONE.get(after.status)) is not None:
        facts.append(StepUndone(step, undone))
    return facts


def _seconds(step: StepState, now_ms: int) -> float | None:
    if step.status == "waiting":
        return 0.0
    return max(0, now_ms - step.started_ms) / 1000 if step.started_ms else None
