"""The state of one run of a declared workflow. Messages are stored as JSON, because their types may evolve."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from onex.model.message import Message
from onex.wire.ids import derived_id

RETENTION_TIMER = "retention"
"""Timer of a run that is over: its state is stored until then. A run that is open has other timers only."""
Phase = Literal["running", "compensating", "completed", "failed"]
StepStatus = Literal[
    "waiting", "running", "retrying", "done", "failed", "skipped", "compensating", "compensated", "not compensated"
]


class ItemState(BaseModel):
    """One command of a step that fans out."""

    model_config = ConfigDict(frozen=True)

    command_ids: list[str] = []
    result: str | None = None
    refused: bool = False
    """The reply to the latest attempt was a failure."""

    @property
    def is_open(self) -> bool:
        """Whether a reply may still come."""
        return bool(self.command_ids) and self.result is None and not self.refused


class UndoState(BaseModel):
    """One command that undoes a step, or a part of it. Every attempt sends the same command."""

    model_config = ConfigDict(frozen=True)

    command: str
    """JSON of the command."""
    attempts: int = 0
    done: bool = False
    """Its reply has come."""


class StepState(BaseModel):
    """The state of one step."""

    model_config = ConfigDict(frozen=True)

    status: StepStatus = "waiting"
    attempts: int = 0
    command_ids: list[str] = []
    result: str | None = None
    """JSON of the result message, or of the signal."""
    maybe_done: bool = False
    """An attempt timed out. It may have happened, so the step is compensated."""
    items: list[ItemState] = Field(default_factory=list)
    """The commands of a step that fans out, in their order."""
    compensations: int = 0
    """Attempts to undo the step. Version 0.1 wrote only this number; see ``Compensation.upgrade``."""
    undos: list[UndoState] = Field(default_factory=list)
    """Commands that were sent to undo the step; more when a result came late."""
    problem: str = ""
    """Why the compensation could not be made."""
    started_ms: int = 0
    """Start of the first attempt, in milliseconds since 1970; 0 before it, and in steps that an earlier version of
    this library started."""

    @property
    def is_open(self) -> bool:
        """Whether replies to its commands are missing, and their time is not over."""
        return self.status == "running" and (not self.items or any(item.is_open for item in self.items))

    @property
    def may_have_happened(self) -> bool:
        """Whether the step has, or may have, changed something that is to be undone."""
        return self.status == "done" or self.maybe_done or bool(self.results)

    @property
    def missing_replies(self) -> int:
        """Number of commands of a fan-out whose replies may still come."""
        return sum(item.is_open for item in self.items)

    @property
    def undo_began(self) -> bool:
        """Whether the compensation was made, or could not be made."""
        return bool(self.undos) or self.status in ("compensating", "compensated", "not compensated")

    @property
    def results(self) -> list[str]:
        """JSON of the results that have come."""
        if self.items:
            return [item.result for item in self.items if item.result is not None]
        return [self.result] if self.result is not None else []


class FinishedRun(BaseModel):
    """An earlier run of the same key: the parts that a reply to its repeated command needs."""

    model_config = ConfigDict(frozen=True)

    start_id: str
    phase: Phase
    reply_key: str
    finished_by: str


class WorkflowState(Message):
    """The state of a workflow, one per key."""

    start_id: str
    """Id of the command that started this run."""
    command: str
    reply_key: str
    started_ms: int
    phase: Phase
    steps: dict[str, StepState]
    finished_by: str | None = None
    """JSON of the completion event, for repeated commands."""
    failed_step: str = ""
    reason: str = ""
    failure_event: str | None = None
    failure_type: str = ""
    correlation_id: str = ""
    """Correlation id of the command that started this run. Messages that a cancellation causes have it, too."""
    earlier: list[FinishedRun] = Field(default_factory=list)
    """Latest first; a limited number."""
    version: str = ""
    """Version of the contract that the run began with. It ends on the same version."""
    ends_ms: int = 0
    """Latest end of the run, in milliseconds since 1970; 0 in runs that version 0.1 started."""
    generation: int = 0
    """Number of times that the run continued as new."""
    to_compensate: list[str] = Field(default_factory=list)
    """Ids of steps that are still to be undone, the next one first."""

    @property
    def run_id(self) -> str:
        """The id that ids of commands derive from. It changes with each continuation."""
        return derived_id(self.start_id, str(self.generation)) if self.generation else self.start_id

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.phase in ("completed", "failed")
