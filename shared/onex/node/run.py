"""One run of a declared workflow, for the step methods of an orchestrator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from onex.model.message import Message

Command = TypeVar("Command", bound=Message)
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """The reason why a workflow failed: the step, a text, and the failure event if there was one."""

    step: str
    reason: str
    event: Message | None = None
    uncompensated: tuple[str, ...] = ()
    """Steps that were done, or may have been, and could not be compensated."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Exceptions of ``compensate_`` methods, by step."""


@dataclass(frozen=True, slots=True)
class Run(Generic[Command]):
    """The command that started the run, and the results of its finished steps."""

    workflow_id: str
    command: Command
    results: Mapping[type[Message], Sequence[Message]]
    """Results by type: one for each step with this result type, several for a step that fans out."""
    started_at: datetime
    now: datetime
    failure: StepFailure | None = None
    by_step: Mapping[str, Sequence[Message]] = field(default_factory=dict)
    """Results by step."""

    def result(self, model: type[M], step: str = "") -> M:
        """Return the result of type ``model``. Raise KeyError while its step is not done, and when it was skipped.

        Pass the ``step`` when several steps have results of this type. Without it, return the result of the last one
        in the contract's order.
        """
        results = self.all_results(model, step)
        if not results:
            subject = f"step {step!r}" if step else "no step"
            raise KeyError(f"{subject} of this run has {'no ' if step else 'a '}result of type {model.__name__} yet")
        return results[-1]

    def all_results(self, model: type[M], step: str = "") -> Sequence[M]:
        """Return the results of type ``model`` that have arrived, in the order of the commands, of one step or of
        all.

        A step that fans out may have fewer results than commands: a branch was refused, or its reply is late.
        """
        results = self.by_step.get(step, ()) if step else self.results.get(model, ())
        return [result for result in results if isinstance(result, model)]

    def has(self, model: type[Message], step: str = "") -> bool:
        """Return whether ``step``, or any step, has a result of type ``model``."""
        return bool(self.all_results(model, step)) if step else model in self.results
