"""One run of a declared workflow, as the step methods of an orchestrator see it."""

from collections.abc import Mapping, Sequence
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
    uncompensated: tuple[str, ...] = ()
    """Steps that were done, and could not be undone although that was tried again and again."""


@dataclass(frozen=True, slots=True)
class Run(Generic[Command]):
    """What is known so far: the command that started the run and the results of finished steps."""

    workflow_id: str
    command: Command
    results: Mapping[type[Message], Sequence[Message]]
    """By type: one for a step, several for a step that fans out."""
    started_at: datetime
    now: datetime
    failure: StepFailure | None = None

    def result(self, model: type[M]) -> M:
        """Result of the step that answers with ``model``; KeyError when that step is not done, or was skipped."""
        found = self.all_results(model)
        if not found:
            raise KeyError(f"no step of this run has answered with {model.__name__} yet")
        return found[-1]

    def all_results(self, model: type[M]) -> Sequence[M]:
        """Results of a step that fans out, in the order of its commands; those that are there."""
        return [found for found in self.results.get(model, ()) if isinstance(found, model)]

    def has(self, model: type[Message]) -> bool:
        """Whether a step has answered with ``model``."""
        return model in self.results
