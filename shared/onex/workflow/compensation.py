"""Compensation of a run: its steps are undone in reverse order. Each command that undoes something is tracked.

The result of a step's ``compensate_`` method is compared with the commands that were sent before: only the others are
sent. The method is called when the turn of the step comes, and again for each result that arrives later.
"""

from collections import Counter
from collections.abc import Sequence

import structlog

from onex.contract.signature import may_return_none
from onex.errors import NotImplementedNodeError, WrongOutputError
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumErrorAction
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Node, SetTimer
from onex.util.error_text import safe_text
from onex.wire.ids import derived_id
from onex.workflow.awaited import undo_id, undo_of
from onex.workflow.run_draft import RunDraft
from onex.workflow.state import UndoState

log = structlog.get_logger(__name__)
UNDO_TIMER = "undo:"
"""Prefix of the timers of compensations."""
_MOST_TEXT = 500
"""Characters of an exception that are stored."""


class Compensation:
    """Undoes the steps of runs that have failed."""

    def __init__(self, workflow: ModelWorkflow, node: Node) -> None:
        self._steps = {step.id: step for step in workflow.steps}
        self._node = node

    def begin(self, draft: RunDraft) -> None:
        """List the steps to undo: those that are done, that may have happened, and that are under way.

        The run waits for a step under way first, because a compensation must not overtake its command. It does not
        wait for a child workflow, which its compensation ends.
        """
        steps = [] if self._stops(draft) else [step for step in reversed(self._steps.values()) if step.compensate]
        for step in steps:
            if draft.steps[step.id].is_open and step.compensate == CancelWorkflow.__name__:
                draft.give_up(step)
        order = [step.id for step in steps if (state := draft.steps[step.id]).is_open or state.may_have_happened]
        draft.state = draft.state.model_copy(update={"to_compensate": order})

    def advance(self, draft: RunDraft) -> bool:
        """Send compensations up to the first that must be awaited. Return whether no step is left."""
        while draft.state.to_compensate:
            step = self._steps[draft.state.to_compensate[0]]
            step_state = draft.steps[step.id]
            if step_state.is_open:
                return False
            if step_state.may_have_happened and not step_state.undo_began:
                self._undo(draft, step)
            if draft.steps[step.id].status == "compensating":
                return False
            draft.state = draft.state.model_copy(update={"to_compensate": draft.state.to_compensate[1:]})
        return True

    def undo_late_result(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Undo a step whose result came after its turn. A run that is still compensating waits for it."""
        waiting = draft.state.to_compensate
        step_state = draft.steps[step.id]
        comes_later = step.id in waiting and not step_state.undo_began
        if (
            not step.compensate
            or self._stops(draft)
            or comes_later
            or not (step_state.may_have_happened or step_state.undo_began)
        ):
            return
        self._undo(draft, step)
        if draft.state.phase == "compensating" and step.id not in waiting:
            draft.state = draft.state.model_copy(update={"to_compensate": [step.id, *waiting]})

    def reply_received(self, draft: RunDraft, step: ModelWorkflowStep, cause: str) -> None:
        """Note that the command ``cause``, which undoes the step or a part of it, was carried out."""
        step_state = draft.steps[step.id]
        number = undo_of(step_state, draft.state.run_id, step.id, cause)
        if number is None:
            return
        undos = list(step_state.undos)
        undos[number] = undos[number].model_copy(update={"done": True})
        draft.set(step.id, undos=undos)
        if all(undo.done for undo in undos):
            draft.timers.append(CancelTimer(UNDO_TIMER + step.id))
            draft.set(step.id, status="not compensated" if step_state.problem else "compensated")

    def timed_out(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Send commands without a reply again, or give them up."""
        step_state = draft.steps[step.id]
        if step_state.status != "compensating":
            return
        to_repeat = [
            number
            for number, undo in enumerate(step_state.undos)
            if not undo.done and undo.attempts < step.compensation_retry.max_attempts
        ]
        if to_repeat:
            self._send(draft, step, to_repeat)
        else:
            draft.set(step.id, status="not compensated")

    def upgrade(self, draft: RunDraft) -> None:
        """Make the commands of compensations under way: version 0.1 stored only the number of attempts."""
        for step in self._steps.values():
            step_state = draft.steps.get(step.id)
            if step_state is not None and step_state.status == "compensating" and not step_state.undos:
                commands, _ = self._stored_commands(draft, step) or ((), False)
                draft.set(
                    step.id, undos=[UndoState(command=text, attempts=step_state.compensations) for text in commands]
                )

    def _undo(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Send the commands that undo the step and were not sent before."""
        step_state = draft.steps[step.id]
        if (made := self._stored_commands(draft, step)) is None:
            return
        commands, is_whole = made
        sent = Counter(undo.command for undo in step_state.undos)
        new: list[UndoState] = []
        for text in commands:
            if sent[text]:
                sent[text] -= 1
            else:
                new.append(UndoState(command=text))
        undos = [*step_state.undos, *new]
        missing_replies = 0 if is_whole else step_state.missing_replies
        is_covered = not missing_replies or len(undos) >= missing_replies + len(step_state.results)
        problem = (
            ""
            if is_covered
            else f"no reply to {missing_replies} of {len(step_state.items)} commands; they may have happened"
        )
        draft.set(step.id, undos=undos, problem=problem)
        if new:
            self._send(draft, step, range(len(step_state.undos), len(undos)))
        elif step_state.status != "compensating" and (not step.compensated or all(undo.done for undo in undos)):
            draft.set(step.id, status="not compensated" if problem else "compensated")

    def _stored_commands(self, draft: RunDraft, step: ModelWorkflowStep) -> tuple[Sequence[str], bool] | None:
        """Return ``_commands`` as JSON. Return None when the method raises: commands that were sent before are still
        awaited, the rest of the step is not undone, and its ``problem`` is the exception. Raise
        NotImplementedNodeError."""
        try:
            commands, is_whole = self._commands(draft, step)
            return [command.to_stored_json() for command in commands], is_whole
        except (MemoryError, KeyboardInterrupt, NotImplementedNodeError):
            # The process failed, or the message waits as a dead letter until the method is written.
            raise
        except BaseException as error:  # noqa: BLE001 - the run ends with this problem, and the other steps are undone
            problem = f"{type(error).__name__}: {safe_text(error)}"[:_MOST_TEXT]
            log.error("a compensation cannot be made", step=step.id, workflow=draft.context.key, error=problem)
            if draft.steps[step.id].status != "compensating":
                draft.set(step.id, status="not compensated")
            draft.set(step.id, problem=problem)
            return None

    def _commands(self, draft: RunDraft, step: ModelWorkflowStep) -> tuple[Sequence[Message], bool]:
        """Return the commands of the node's method, and whether it returned one command for the whole step.

        Raise what the method raises, and WrongOutputError.
        """
        method = getattr(self._node, f"compensate_{step.id}")
        returned = method(draft.run())
        is_whole = not isinstance(returned, list | tuple)
        if returned is None and may_return_none(method):
            return [], is_whole
        commands = [returned] if is_whole else returned
        for command in commands:
            if type(command).__name__ != step.compensate:
                raise WrongOutputError(
                    f"compensate_{step.id} returned {type(command).__name__}, not {step.compensate}"
                )
        return commands, is_whole

    def _send(self, draft: RunDraft, step: ModelWorkflowStep, numbers: Sequence[int]) -> None:
        step_state = draft.steps[step.id]
        undos, run_id = list(step_state.undos), draft.state.run_id
        idempotency_key = derived_id(run_id, step.id, "compensate")
        for number in numbers:
            attempt = undos[number].attempts + 1
            undos[number] = undos[number].model_copy(update={"attempts": attempt})
            key = derived_id(idempotency_key, str(number)) if number else idempotency_key
            command = draft.message(step.compensate or "", undos[number].command)
            identity = undo_id(run_id, step.id, attempt, number)
            draft.commands.append(Addressed(command, idempotency_key=key, id=identity))
        attempts = max(undo.attempts for undo in undos)
        draft.set(step.id, undos=undos, compensations=attempts)
        if step.compensated:
            draft.set(step.id, status="compensating")
            wait = step.compensation_timeout + step.compensation_retry.delay_after(attempts)
            draft.timers.append(SetTimer(UNDO_TIMER + step.id, wait))
            return
        if step_state.problem:
            draft.set(step.id, status="not compensated")
            return
        draft.undo_sent(step.id)
        if step_state.status == "not compensated":
            draft.set(step.id, status="done")

    def _stops(self, draft: RunDraft) -> bool:
        """Whether the failed step has ``error_action: stop``, so that no step is undone."""
        step = self._steps.get(draft.state.failed_step)
        return step is not None and step.error_action is EnumErrorAction.STOP
