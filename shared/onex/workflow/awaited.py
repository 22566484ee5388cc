"""The step of a run that a message is for."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.wire.ids import derived_id
from onex.workflow.state import StepState


class Role(Enum):
    """The meaning of a message for its step."""

    RESULT = auto()
    FAILURE = auto()
    SIGNAL = auto()
    COMPENSATED = auto()


class AwaitedMessage(NamedTuple):
    """A step that waits for messages of a type."""

    step: ModelWorkflowStep
    role: Role


class AwaitedMessages:
    """Steps by the type of message that moves them on. Several steps may wait for messages of one type."""

    def __init__(self, workflow: ModelWorkflow) -> None:
        self._by_type: dict[str, list[AwaitedMessage]] = {}
        for step in workflow.steps:
            for name, role in (
                (step.result, Role.RESULT),
                (step.failure, Role.FAILURE),
                (step.signal, Role.SIGNAL),
                (step.compensated, Role.COMPENSATED),
            ):
                if name:
                    self._by_type.setdefault(name, []).append(AwaitedMessage(step, role))

    def of(self, name: str, steps: Mapping[str, StepState]) -> Sequence[AwaitedMessage]:
        """Return the possible meanings of a message of this type for these steps of a run."""
        return [awaited for awaited in self._by_type.get(name, ()) if awaited.step.id in steps]

    def find(self, name: str, steps: Mapping[str, StepState], run_id: str, cause: str) -> AwaitedMessage | None:
        """Return the step that a reply to the command ``cause`` is for; None when the run sent no such command.

        A reply that names no command is for the first step that waits for its type.
        """
        for awaited in self.of(name, steps):
            state = steps[awaited.step.id]
            match awaited.role:
                case Role.SIGNAL:
                    is_meant = True
                case Role.COMPENSATED if cause:
                    is_meant = undo_of(state, run_id, awaited.step.id, cause) is not None
                case Role.COMPENSATED:
                    is_meant = state.status == "compensating"
                case Role.RESULT | Role.FAILURE if cause:
                    is_meant = cause in state.command_ids
                case Role.RESULT | Role.FAILURE:
                    is_meant = state.status in ("running", "retrying") or state.maybe_done
            if is_meant:
                return awaited
        return None


def undo_id(run_id: str, step_id: str, attempt: int, number: int) -> str:
    """Return the id of an attempt at a compensation command.

    The ids of first attempts and of first commands contain no number.
    """
    identity = derived_id(run_id, step_id, "compensate", *([str(attempt)] if attempt > 1 else []))
    return derived_id(identity, str(number)) if number else identity


def undo_of(state: StepState, run_id: str, step_id: str, cause: str) -> int | None:
    """Return the number of the compensation command with the id ``cause``. An empty ``cause`` is the first command
    without a reply."""
    for number, undo in enumerate(state.undos):
        ids = (undo_id(run_id, step_id, attempt, number) for attempt in range(1, undo.attempts + 1))
        if cause in ids if cause else not undo.done:
            return number
    return None
