"""What is kept of one run of a declared workflow. Messages are kept as JSON: their types may evolve."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from onex.model.message import Message

Phase = Literal["running", "completed", "failed"]
StepStatus = Literal["waiting", "running", "done", "failed", "skipped"]


class StepState(BaseModel):
    """Where one step stands."""

    model_config = ConfigDict(frozen=True)

    status: StepStatus = "waiting"
    attempts: int = 0
    command_ids: list[str] = []
    result: str | None = None
    """JSON of the result message."""
    maybe_done: bool = False
    """The step timed out: it may have happened, so it is compensated."""


class FinishedRun(BaseModel):
    """An earlier run of the same key: enough to answer its command when it is repeated."""

    model_config = ConfigDict(frozen=True)

    start_id: str
    phase: Phase
    reply_key: str
    finished_by: str


class WorkflowState(Message):
    """State of a workflow, one per key."""

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
    """Of the command that started this run: what a cancellation leads to belongs to it."""
    earlier: list[FinishedRun] = Field(default_factory=list)
    """Latest first, a bounded number."""
