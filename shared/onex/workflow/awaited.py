"""Which step of a run an answer is for."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.workflow.state import StepState, derived


class Role(Enum):
    """What an answer means for its step."""

    RESULT = auto()
    FAILURE = auto()
    SIGNAL = auto()
    COMPENSATED = auto()


Awaited = tuple[ModelWorkflowStep, Role]


class Answers:
    """Steps by the messages that move them on. A message of one type may answer several steps."""

    def __init__(self, workflow: ModelWorkflow) -> None:
        self._by_name: dict[str, list[Awaited]] = {}
        for step in workflow.steps:
            for name, role in (
                (step.result, Role.RESULT),
                (step.failure, Role.FAILURE),
                (step.signal, Role.SIGNAL),
                (step.compensated, Role.COMPENSATED),
            ):
                if name:
                    self._by_name.setdefault(name, []).append((step, role))

    def of(self, name: str, steps: Mapping[str, StepState]) -> Sequence[Awaited]:
        """What a message of that type may mean for these steps of a run."""
        return [one for one in self._by_name.get(name, ()) if one[0].id in steps]

    def find(self, name: str, steps: Mapping[str, StepState], run_id: str, cause: str) -> Awaited | None:
        """The step that an answer to the command ``cause`` is for; None when the run sent no such command.

        An answer that names no command is taken for one to the first step that waits for its type.
        """
        for step, role in self.of(name, steps):
            kept = steps[step.id]
            match role:
                case Role.SIGNAL:
                    is_meant = True
                case Role.COMPENSATED if cause:
                    is_meant = undo_of(kept, run_id, step.id, cause) is not None
                case Role.COMPENSATED:
                    is_meant = kept.status == "compensating"
                case Role.RESULT | Role.FAILURE if cause:
                    is_meant = cause in kept.command_ids
                case Role.RESULT | Role.FAILURE:
                    is_meant = kept.status in ("running", "retrying") or kept.maybe_done
            if is_meant:
                return step, role
        return None


def undo_id(run_id: str, step_id: str, attempt: int, number: int) -> str:
    """Id of an attempt at a compensation command. The first attempt and the first command have no number in it."""
    identity = derived(run_id, step_id, "compensate", *([str(attempt)] if attempt > 1 else []))
    return derived(identity, str(number)) if number else identity


def undo_of(kept: StepState, run_id: str, step_id: str, cause: str) -> int | None:
    """Number of the compensation command that has the id ``cause``; without one, of the first without an answer."""
    for number, undo in enumerate(kept.undos):
        ids = (undo_id(run_id, step_id, attempt, number) for attempt in range(1, undo.attempts + 1))
        if cause in ids if cause else not undo.done:
            return number
    return None
