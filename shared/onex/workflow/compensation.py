"""Undoes what was done, in reverse order. Each command that undoes something is tracked by itself.

What a step's ``compensate_`` method returns is compared with what was sent before: only the rest is new. So the
method is called when the step's turn comes, and again for each result that arrives after that.
"""

from collections import Counter
from collections.abc import Sequence

import structlog

from onex.contract.signature import may_return_none
from onex.errors import WrongOutputError
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumErrorAction
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Node, SetTimer
from onex.util.error_text import safe_text
from onex.workflow.awaited import undo_id, undo_of
from onex.workflow.run_draft import RunDraft
from onex.workflow.state import UndoState, derived

log = structlog.get_logger(__name__)
UNDO = "undo:"
"""Prefix of the timers of compensations."""
_MOST_TEXT = 500
"""Characters of an exception that are kept."""


class Compensation:
    """A saga's way back."""

    def __init__(self, workflow: ModelWorkflow, node: Node) -> None:
        self._steps = {step.id: step for step in workflow.steps}
        self._node = node

    def begin(self, draft: RunDraft) -> None:
        """Note what is to be undone: what was done, what may have been, and what is under way.

        A step under way is waited for first, because a compensation must not overtake its command. A child workflow
        is not: its compensation is what ends it.
        """
        steps = [] if self._stops(draft) else [step for step in reversed(self._steps.values()) if step.compensate]
        for step in steps:
            if draft.steps[step.id].is_open and step.compensate == CancelWorkflow.__name__:
                draft.give_up(step)
        order = [step.id for step in steps if (k := draft.steps[step.id]).is_open or k.may_have_happened]
        draft.state = draft.state.model_copy(update={"to_compensate": order})

    def go_on(self, draft: RunDraft) -> bool:
        """Send compensations up to the first that is awaited; return whether nothing is left."""
        while draft.state.to_compensate:
            step = self._steps[draft.state.to_compensate[0]]
            kept = draft.steps[step.id]
            if kept.is_open:
                return False
            if kept.may_have_happened and not kept.undo_began:
                self._undo(draft, step)
            if draft.steps[step.id].status == "compensating":
                return False
            draft.state = draft.state.model_copy(update={"to_compensate": draft.state.to_compensate[1:]})
        return True

    def late(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Undo what a step has done, as its result came after its turn; a run that still goes back waits for it."""
        waiting = draft.state.to_compensate
        kept = draft.steps[step.id]
        comes_later = step.id in waiting and not kept.undo_began
        if (
            not step.compensate
            or self._stops(draft)
            or comes_later
            or not (kept.may_have_happened or kept.undo_began)
        ):
            return
        self._undo(draft, step)
        if draft.state.phase == "compensating" and step.id not in waiting:
            draft.state = draft.state.model_copy(update={"to_compensate": [step.id, *waiting]})

    def answered(self, draft: RunDraft, step: ModelWorkflowStep, cause: str) -> None:
        """One command that undoes a part of the step was carried out."""
        kept = draft.steps[step.id]
        number = undo_of(kept, draft.state.run_id, step.id, cause)
        if number is None:
            return
        undos = list(kept.undos)
        undos[number] = undos[number].model_copy(update={"done": True})
        draft.set(step.id, undos=undos)
        if all(undo.done for undo in undos):
            draft.timers.append(CancelTimer(UNDO + step.id))
            draft.set(step.id, status="not compensated" if kept.problem else "compensated")

    def timed_out(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Send what was not answered again, or give it up."""
        kept = draft.steps[step.id]
        if kept.status != "compensating":
            return
        again = [
            number
            for number, undo in enumerate(kept.undos)
            if not undo.done and undo.attempts < step.compensation_retry.max_attempts
        ]
        if again:
            self._send(draft, step, again)
        else:
            draft.set(step.id, status="not compensated")

    def upgrade(self, draft: RunDraft) -> None:
        """Make the commands of compensations under way again: version 0.1 kept only the number of attempts."""
        for step in self._steps.values():
            kept = draft.steps.get(step.id)
            if kept is not None and kept.status == "compensating" and not kept.undos:
                made, _ = self._made(draft, step) or ((), False)
                draft.set(step.id, undos=[UndoState(command=text, attempts=kept.compensations) for text in made])

    def _undo(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Send what undoes the step and was not sent before."""
        kept = draft.steps[step.id]
        if (found := self._made(draft, step)) is None:
            return
        made, is_whole = found
        sent = Counter(undo.command for undo in kept.undos)
        new: list[UndoState] = []
        for text in made:
            if sent[text]:
                sent[text] -= 1
            else:
                new.append(UndoState(command=text))
        undos = [*kept.undos, *new]
        unanswered = 0 if is_whole else kept.unanswered
        is_covered = not unanswered or len(undos) >= unanswered + len(kept.results)
        problem = (
            "" if is_covered else f"no answer to {unanswered} of {len(kept.items)} commands; they may have happened"
        )
        draft.set(step.id, undos=undos, problem=problem)
        if new:
            self._send(draft, step, range(len(kept.undos), len(undos)))
        elif kept.status != "compensating" and (not step.compensated or all(undo.done for undo in undos)):
            draft.set(step.id, status="not compensated" if problem else "compensated")

    def _made(self, draft: RunDraft, step: ModelWorkflowStep) -> tuple[Sequence[str], bool] | None:
        """``_commands`` as JSON. None where the method raises: what was sent before is still awaited, the rest is not
        undone, and the step says why."""
        try:
            commands, is_whole = self._commands(draft, step)
            return [command.to_stored_json() for command in commands], is_whole
        except (MemoryError, KeyboardInterrupt):  # about the process, not about the method
            raise
        except BaseException as error:  # noqa: BLE001 - the run ends with this problem, and the other steps are undone
            problem = f"{type(error).__name__}: {safe_text(error)}"[:_MOST_TEXT]
            log.error("a compensation cannot be made", step=step.id, workflow=draft.context.key, error=problem)
            if draft.steps[step.id].status != "compensating":
                draft.set(step.id, status="not compensated")
            draft.set(step.id, problem=problem)
            return None

    def _commands(self, draft: RunDraft, step: ModelWorkflowStep) -> tuple[Sequence[Message], bool]:
        """What the node's method returns now, and whether it is one command for all of the step.

        Raises what the method raises, and WrongOutputError.
        """
        method = getattr(self._node, f"compensate_{step.id}")
        made = method(draft.run())
        is_whole = not isinstance(made, list | tuple)
        if made is None and may_return_none(method):
            return [], is_whole
        commands = [made] if is_whole else made
        for command in commands:
            if type(command).__name__ != step.compensate:
                raise WrongOutputError(
                    f"compensate_{step.id} returned {type(command).__name__}, not {step.compensate}"
                )
        return commands, is_whole

    def _send(self, draft: RunDraft, step: ModelWorkflowStep, numbers: Sequence[int]) -> None:
        kept = draft.steps[step.id]
        undos, run_id = list(kept.undos), draft.state.run_id
        work = derived(run_id, step.id, "compensate")
        for number in numbers:
            attempt = undos[number].attempts + 1
            undos[number] = undos[number].model_copy(update={"attempts": attempt})
            key = derived(work, str(number)) if number else work
            command = draft.message(step.compensate or "", undos[number].command)
            identity = undo_id(run_id, step.id, attempt, number)
            draft.commands.append(Addressed(command, idempotency_key=key, id=identity))
        attempts = max(undo.attempts for undo in undos)
        draft.set(step.id, undos=undos, compensations=attempts)
        if step.compensated:
            draft.set(step.id, status="compensating")
            wait = step.compensation_timeout + step.compensation_retry.delay_after(attempts)
            draft.timers.append(SetTimer(UNDO + step.id, wait))
        elif kept.problem:
            draft.set(step.id, status="not compensated")
        elif kept.status == "not compensated":
            draft.set(step.id, status="done")

    def _stops(self, draft: RunDraft) -> bool:
        """Whether the step that failed leaves everything as it is."""
        step = self._steps.get(draft.state.failed_step)
        return step is not None and step.error_action is EnumErrorAction.STOP
