"""Undoes what was done, in reverse order. Awaited compensations are tried again until they are answered."""

from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.node import Addressed, CancelTimer, Node, SetTimer
from onex.workflow.draft import RunDraft
from onex.workflow.state import derived

UNDO = "undo:"
"""Prefix of the timers of compensations."""


class Compensation:
    """A saga's way back."""

    def __init__(self, workflow: ModelWorkflow, node: Node) -> None:
        self._steps = {step.id: step for step in workflow.steps}
        self._node = node

    def begin(self, draft: RunDraft) -> None:
        """Note what is to be undone: what was done, and what may have been."""
        order = [
            step.id
            for step in reversed(self._steps.values())
            if step.compensate and (draft.steps[step.id].status == "done" or draft.steps[step.id].maybe_done)
        ]
        draft.state = draft.state.model_copy(update={"to_compensate": order})

    def go_on(self, draft: RunDraft) -> bool:
        """Send compensations up to the first that is awaited; gives whether nothing is left."""
        while draft.state.to_compensate:
            step = self._steps[draft.state.to_compensate[0]]
            kept = draft.steps[step.id]
            if kept.status == "compensating":
                return False
            if kept.status not in ("compensated", "not compensated"):
                self._send(draft, step)
                if step.compensated:
                    return False
            draft.state = draft.state.model_copy(update={"to_compensate": draft.state.to_compensate[1:]})
        return True

    def late(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Undo a step whose result came after the run had failed; a run that still goes back waits for it."""
        if not step.compensate:
            return
        if draft.state.phase == "compensating":
            first, *rest = draft.state.to_compensate
            draft.state = draft.state.model_copy(update={"to_compensate": [first, step.id, *rest]})
        elif draft.state.phase == "failed":
            self._send(draft, step, awaited=False)

    def answered(self, draft: RunDraft, step: ModelWorkflowStep, cause: str) -> bool:
        """The step is undone; gives whether somebody waited for that."""
        kept = draft.steps[step.id]
        ours = {_identity(draft, step, attempt) for attempt in range(1, kept.compensations + 1)}
        if kept.status != "compensating" or (cause and cause not in ours):
            return False
        draft.timers.append(CancelTimer(UNDO + step.id))
        draft.set(step.id, status="compensated")
        return True

    def timed_out(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """No answer to a compensation: again, or give it up and go on with the next."""
        kept = draft.steps[step.id]
        if kept.status != "compensating":
            return
        if kept.compensations < step.compensation_retry.max_attempts:
            self._send(draft, step)
        else:
            draft.set(step.id, status="not compensated")

    def _send(self, draft: RunDraft, step: ModelWorkflowStep, *, awaited: bool = True) -> None:
        made = getattr(self._node, f"compensate_{step.id}")(draft.run())
        attempt = draft.steps[step.id].compensations + 1
        identity = _identity(draft, step, attempt)
        work = derived(draft.state.run_id, step.id, "compensate")
        commands = made if isinstance(made, list) else [made]
        for number, command in enumerate(commands):
            suffix = [str(number)] if number else []
            key, own = (derived(text, *suffix) if suffix else text for text in (work, identity))
            draft.commands.append(Addressed(command, idempotency_key=key, id=own))
        if awaited and step.compensated:
            draft.set(step.id, status="compensating", compensations=attempt)
            wait = step.compensation_timeout + step.compensation_retry.delay_after(attempt)
            draft.timers.append(SetTimer(UNDO + step.id, wait))


def _identity(draft: RunDraft, step: ModelWorkflowStep, attempt: int) -> str:
    """The first attempt has no number in it: runs that began before there were more go on."""
    return derived(draft.state.run_id, step.id, "compensate", *([str(attempt)] if attempt > 1 else []))
