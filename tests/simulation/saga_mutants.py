"""Known bugs of sagas, put back on purpose: each must be found within a few seeds."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import PropertyMock, patch

from onex.model.contract import ModelWorkflowStep
from onex.node import SetTimer
from onex.workflow.compensation import UNDO_TIMER, Compensation
from onex.workflow.run_draft import RunDraft
from onex.workflow.state import StepState
from tests.simulation.mutants import Mutant


def _undone_at_the_first_reply() -> Any:
    reply_received = Compensation.reply_received

    def first(self: Compensation, draft: RunDraft, step: ModelWorkflowStep, cause: str) -> None:
        undos = [undo.model_copy(update={"done": True}) for undo in draft.steps[step.id].undos]
        draft.set(step.id, undos=undos)
        reply_received(self, draft, step, cause)

    return patch.object(Compensation, "reply_received", first)


def _late_results_kept() -> Any:
    return patch.object(Compensation, "undo_late_result", lambda self, draft, step: None)


def _branches_under_way_not_waited_for() -> Any:
    return patch.object(StepState, "is_open", PropertyMock(return_value=False))


def _a_reply_to_nothing_awaited() -> Any:
    undo = Compensation._undo

    def awaited(self: Compensation, draft: RunDraft, step: ModelWorkflowStep) -> None:
        undo(self, draft, step)
        if not draft.steps[step.id].undos and draft.steps[step.id].status == "compensated":
            draft.set(step.id, status="compensating")
            draft.timers.append(SetTimer(UNDO_TIMER + step.id, step.compensation_timeout))

    return patch.object(Compensation, "_undo", awaited)


def _a_raising_compensation_ends_nothing() -> Any:
    def made(self: Compensation, draft: RunDraft, step: ModelWorkflowStep) -> Any:
        commands, is_whole = self._commands(draft, step)
        return [command.to_stored_json() for command in commands], is_whole

    return patch.object(Compensation, "_stored_commands", made)


def _a_raising_compensation_not_named() -> Any:
    undo = Compensation._undo

    def quiet(self: Compensation, draft: RunDraft, step: ModelWorkflowStep) -> None:
        undo(self, draft, step)
        if draft.steps[step.id].status == "not compensated":
            draft.set(step.id, status="compensated", problem="")

    return patch.object(Compensation, "_undo", quiet)


def _silent_branches_not_named() -> Any:
    return patch.object(StepState, "missing_replies", PropertyMock(return_value=0))


def _compensations_not_tried_again() -> Any:
    def once(self: Compensation, draft: RunDraft, step: ModelWorkflowStep) -> None:
        draft.set(step.id, status="compensated")

    return patch.object(Compensation, "timed_out", once)


def _commands_done_after_their_deadline() -> Any:
    stack = ExitStack()
    for module in ("effect.outcome_builder", "pure.keyed", "pure.compute"):
        stack.enter_context(patch(f"onex.agent.{module}.require_in_time", lambda entry, envelope, now_ms: None))
    return stack


SAGA_MUTANTS: dict[str, Mutant] = {
    made.__name__.removeprefix("_"): made
    for made in (
        _undone_at_the_first_reply,
        _late_results_kept,
        _branches_under_way_not_waited_for,
        _a_reply_to_nothing_awaited,
        _a_raising_compensation_ends_nothing,
        _a_raising_compensation_not_named,
        _silent_branches_not_named,
        _compensations_not_tried_again,
        _commands_done_after_their_deadline,
    )
}
