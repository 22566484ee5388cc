"""What is kept of one run of a declared workflow. Messages are kept as JSON: their types may evolve."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

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
