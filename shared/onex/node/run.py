"""One run of a declared workflow, as the step methods of an orchestrator see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from onex.model.message import Message

Command = TypeVar("Command", bound=Message)
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """Why a workflow failed: which step, in words, and the failure event where there was one."""

    step: str
    reason: str
    event: Message | None = None


@dataclass(frozen=True, slots=True)
class Run(Generic[Command]):
    """What is known so far: the command that started the run and the results of finished steps."""

    workflow_id: str
    command: Command
    results: Mapping[type[Message], Message]
    started_at: datetime
    now: datetime
    failure: StepFailure | None = None

    def result(self, model: type[M]) -> M:
        """Result of the step that answers with ``model``; KeyError when that step is not done."""
        found = self.results.get(model)
        if not isinstance(found, model):
            raise KeyError(f"no step of this run has answered with {model.__name__} yet")
        return found
