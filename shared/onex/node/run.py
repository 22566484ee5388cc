"""One run of a declared workflow, as the step methods of an orchestrator see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """Steps that were done, or may have been, and could not be undone."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """By step: the exception of its ``compensate_`` method, where that raised one."""


@dataclass(frozen=True, slots=True)
class Run(Generic[Command]):
    """What is known so far: the command that started the run and the results of finished steps."""

    workflow_id: str
    command: Command
    results: Mapping[type[Message], Sequence[Message]]
    """By type: one for each step that answers with it, several for a step that fans out."""
    started_at: datetime
    now: datetime
    failure: StepFailure | None = None
    by_step: Mapping[str, Sequence[Message]] = field(default_factory=dict)
    """The same by step."""

    def result(self, model: type[M], step: str = "") -> M:
        """Result of the step that answers with ``model``; KeyError when that step is not done, or was skipped.

        Give the ``step`` where several answer with that type; without it the last one in the contract's order counts.
        """
        found = self.all_results(model, step)
        if not found:
            whose = f"step {step!r}" if step else "no step"
            raise KeyError(f"{whose} of this run has {'not ' if step else ''}answered with {model.__name__} yet")
        return found[-1]

    def all_results(self, model: type[M], step: str = "") -> Sequence[M]:
        """Results that have arrived, in the order of the commands; of one step when ``step`` is given.

        Results of a step that fans out may be fewer than its commands: a branch was refused, or its answer is late.
        """
        found = self.by_step.get(step, ()) if step else self.results.get(model, ())
        return [result for result in found if isinstance(result, model)]

    def has(self, model: type[Message], step: str = "") -> bool:
        """Whether a step has answered with ``model``; a certain step when ``step`` is given."""
        return bool(self.all_results(model, step)) if step else model in self.results
