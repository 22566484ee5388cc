"""What is kept of one run of a declared workflow. Messages are kept as JSON: their types may evolve."""

from hashlib import blake2b
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from onex.model.message import Message

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
    """The latest attempt was refused."""

    @property
    def is_open(self) -> bool:
        """Whether an answer may still come."""
        return bool(self.command_ids) and self.result is None and not self.refused


class UndoState(BaseModel):
    """One command that undoes a step, or a part of it. It is made once; each attempt sends the same."""

    model_config = ConfigDict(frozen=True)

    command: str
    """JSON of the command."""
    attempts: int = 0
    done: bool = False
    """It was answered."""


class StepState(BaseModel):
    """Where one step stands."""

    model_config = ConfigDict(frozen=True)

    status: StepStatus = "waiting"
    attempts: int = 0
    command_ids: list[str] = []
    result: str | None = None
    """JSON of the result message, or of the signal."""
    maybe_done: bool = False
    """An attempt timed out: it may have happened, so it is compensated."""
    items: list[ItemState] = Field(default_factory=list)
    """Of a step that fans out, in the order of its commands."""
    compensations: int = 0
    """Attempts at undoing it. Version 0.1 wrote only this number; see ``Compensation``."""
    undos: list[UndoState] = Field(default_factory=list)
    """What was sent to undo it; more when a result came late."""
    problem: str = ""
    """Why its compensation could not be made."""

    @property
    def is_open(self) -> bool:
        """Whether commands of it are not answered yet, within their time."""
        return self.status == "running" and (not self.items or any(item.is_open for item in self.items))

    @property
    def may_have_happened(self) -> bool:
        """Whether there is something to undo."""
        return self.status == "done" or self.maybe_done or bool(self.results)

    @property
    def unanswered(self) -> int:
        """Number of commands of a fan-out that have no answer yet."""
        return sum(item.is_open for item in self.items)

    @property
    def undo_began(self) -> bool:
        """Whether its compensation was made, or could not be made."""
        return bool(self.undos) or self.status in ("compensating", "compensated", "not compensated")

    @property
    def results(self) -> list[str]:
        """JSON of all results so far."""
        if self.items:
            return [item.result for item in self.items if item.result is not None]
        return [self.result] if self.result is not None else []


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
    version: str = ""
    """Of the contract that the run began with; it ends on the same."""
    ends_ms: int = 0
    """When the run fails at the latest, in milliseconds since 1970; 0 in runs that version 0.1 started."""
    generation: int = 0
    """How often the run continued as new."""
    to_compensate: list[str] = Field(default_factory=list)
    """Steps that are still to be undone, next one first."""

    @property
    def run_id(self) -> str:
        """What ids of commands are derived from; another one after each continuation."""
        return derived(self.start_id, str(self.generation)) if self.generation else self.start_id

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen in it any more."""
        return self.phase in ("completed", "failed")


def derived(*parts: str) -> str:
    """Id that depends on nothing but its parts: the same run gives the same ids."""
    return blake2b("|".join(parts).encode(), digest_size=16).hexdigest()
