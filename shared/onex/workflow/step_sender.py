"""Sends the commands of steps: one or a fan-out, for the first time or again."""

from collections.abc import Sequence
from dataclasses import replace

from onex.errors import WrongOutputError
from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.duration import LONGEST
from onex.model.message import Message
from onex.node import Addressed, Node, SetTimer
from onex.wire.ids import derived_id
from onex.workflow.run_draft import RunDraft, step_timer
from onex.workflow.state import ItemState


class StepSender:
    """Moves steps from ``waiting`` to ``running``."""

    def __init__(self, workflow: ModelWorkflow, node: Node) -> None:
        self._workflow = workflow
        self._node = node

    def send_ready(self, draft: RunDraft) -> bool:
        """Send every step whose dependencies are done. Return whether a step became done or skipped by that alone."""
        has_changed = False
        for step in self._workflow.steps:
            is_ready = all(draft.steps[name].status in ("done", "skipped") for name in step.depends_on)
            if draft.steps[step.id].status != "waiting" or not is_ready:
                continue
            if step.conditional and not getattr(self._node, f"when_{step.id}")(draft.run()):
                draft.set(step.id, status="skipped")
                self.progress(draft, step.id, "skipped")
                has_changed = True
            elif step.signal:
                has_changed |= self._await_signal(draft, step)
            else:
                has_changed |= self.send(draft, step)
        return has_changed

    def _await_signal(self, draft: RunDraft, step: ModelWorkflowStep) -> bool:
        if draft.steps[step.id].result is not None:
            draft.set(step.id, status="done")
            self.progress(draft, step.id, "done")
            return True
        draft.set(step.id, status="running", attempts=1)
        if step.timeout is not None:
            draft.timers.append(SetTimer(step_timer(step.id), step.timeout))
        return False

    def send(self, draft: RunDraft, step: ModelWorkflowStep) -> bool:
        """Send the command, or the commands of a fan-out without a result. Return whether there was none to send."""
        returned = getattr(self._node, step.id)(draft.run())
        step_state = draft.steps[step.id]
        attempt = step_state.attempts + 1
        run_id = draft.state.run_id
        if not step.fan_out:
            identity = derived_id(run_id, step.id, str(attempt))
            draft.commands.append(
                _within(draft, step, Addressed(returned, idempotency_key=derived_id(run_id, step.id), id=identity))
            )
            draft.set(step.id, status="running", attempts=attempt, command_ids=[*step_state.command_ids, identity])
        elif not self._fan_out(draft, step, returned, attempt):
            draft.set(step.id, status="done", attempts=attempt)
            self.progress(draft, step.id, "done")
            return True
        if step.timeout is not None:
            draft.timers.append(SetTimer(step_timer(step.id), step.timeout))
        return False

    def _fan_out(self, draft: RunDraft, step: ModelWorkflowStep, commands: Sequence[Message], attempt: int) -> bool:
        step_state, run_id = draft.steps[step.id], draft.state.run_id
        items = step_state.items or [ItemState() for _ in commands]
        if len(items) != len(commands):
            raise WrongOutputError(
                f"{step.id} returned {len(commands)} commands, and {len(items)} at its first attempt"
            )
        sent_ids: list[str] = []
        for number, command in enumerate(commands):
            if items[number].result is not None:
                continue
            identity = derived_id(run_id, step.id, str(attempt), str(number))
            key = derived_id(run_id, step.id, "item", str(number))
            draft.commands.append(_within(draft, step, Addressed(command, idempotency_key=key, id=identity)))
            items[number] = ItemState(command_ids=[*items[number].command_ids, identity])
            sent_ids.append(identity)
        ids = [*step_state.command_ids, *sent_ids]
        draft.set(step.id, status="running", attempts=attempt, items=list(items), command_ids=ids)
        return bool(commands)

    def retry(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Send the next attempt, after its delay."""
        delay = step.retry.delay_after(draft.steps[step.id].attempts)
        if not delay:
            self.send(draft, step)
            return
        draft.set(step.id, status="retrying")
        draft.timers.append(SetTimer(step_timer(step.id), delay))

    def progress(self, draft: RunDraft, step_id: str, status: str) -> None:
        """Publish the progress event that the contract declares, if any."""
        if self._workflow.progress is not None:
            event = getattr(self._node, "progress")(draft.run(), step_id, status)  # noqa: B009 - named by the contract
            draft.events.append(event)


def _within(draft: RunDraft, step: ModelWorkflowStep, command: Addressed) -> Addressed:
    """Return the command with its deadline: the end of the step's timeout, or of the run. Nodes refuse it later."""
    left = draft.state.ends_ms / 1000 - draft.context.now.timestamp() if draft.state.ends_ms else LONGEST
    within = min(left, LONGEST if step.timeout is None else step.timeout)
    return replace(command, answer_within=max(within, 0.001)) if within < LONGEST else command
