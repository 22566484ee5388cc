"""The rules of a workflow. Every method returns a Decision for a state and an input, and has no side effects."""

from collections.abc import Mapping

from onex.errors import RejectedError
from onex.mixins.workflow_persistence import ModelWorkflowPersistenceSubcontract
from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumErrorAction
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Context, Decision, Node, SetTimer
from onex.workflow.awaited import AwaitedMessages, Role
from onex.workflow.compensation import UNDO_TIMER, Compensation
from onex.workflow.facts import EnumRunOutcome, RunStarted
from onex.workflow.resuming import resumed_steps
from onex.workflow.run_draft import RunDraft, repeated_completion, step_timer
from onex.workflow.state import RETENTION_TIMER, FinishedRun, StepState, WorkflowState
from onex.workflow.step_sender import StepSender

RUN_TIMER = "workflow"
_GO_BACK = (EnumErrorAction.COMPENSATE, EnumErrorAction.RETRY)
"""When a step fails with one of these, the run is compensated."""


class WorkflowMachine:
    """Order, conditions, retries, timeouts, failure and compensation of the runs of one workflow version."""

    def __init__(
        self,
        workflow: ModelWorkflow,
        node: Node,
        models: Mapping[str, type[Message]],
        start: type[Message],
        version: str,
        persistence: ModelWorkflowPersistenceSubcontract,
    ) -> None:
        self._workflow = workflow
        self._node = node
        self._models = models
        self._start = start
        self._version = version
        self._persistence = persistence
        self._steps = {step.id: step for step in workflow.steps}
        self._awaited = AwaitedMessages(workflow)
        self._sender = StepSender(workflow, node)
        self._compensation = Compensation(workflow, node)

    # -- inputs ---------------------------------------------------------------------------------

    def start(self, state: WorkflowState | None, command: Message, context: Context) -> Decision[WorkflowState]:
        """Take a command: begin a run, ignore a repetition, or publish the completion again."""
        if state is not None and state.start_id == context.message_id:
            return self._repeat_completion(state)
        if state is not None and (run := _earlier(state, context.message_id)):
            return Decision(state, events=[self._repeated(run)])
        if state is not None and not state.is_over:
            raise RejectedError(f"workflow {context.key} is already running, started by {state.start_id}")
        new_run = WorkflowState(
            start_id=context.message_id,
            command=command.to_stored_json(),
            reply_key=context.reply_key,
            correlation_id=context.correlation_id,
            started_ms=round(context.now.timestamp() * 1000),
            phase="running",
            steps=self._first_steps(state, context.from_step),
            earlier=[] if state is None else _earlier_runs(state, self._persistence.earlier_runs),
            version=self._version,
        )
        draft = self._draft(new_run, context)
        draft.timers.append(CancelTimer(RETENTION_TIMER))
        self._begin(draft, context)
        return draft.decision()

    def receive(self, state: WorkflowState | None, event: Message, context: Context) -> Decision[WorkflowState]:
        """Take a result, a failure, a signal or the end of a compensation. Ignore one that no step waits for.

        Raise RejectedError for a message that no step of the version of this run takes.
        """
        if state is None:
            return Decision(state)
        name = type(event).__name__
        if not state.is_over and not self._awaited.of(name, state.steps):
            version = state.version or self._version
            raise RejectedError(f"the run began with version {version}, in which no step takes {name}")
        draft = self._draft(state, context)
        cause = context.answers_id
        match self._awaited.find(name, draft.steps, state.run_id, cause):
            case step, Role.SIGNAL:
                self._signal_received(draft, step, event)
            case step, Role.COMPENSATED:
                self._compensation.reply_received(draft, step, cause)
                self._end_if_undone(draft)
            case step, Role.FAILURE:
                self._failure_received(draft, step, event, cause)
            case step, Role.RESULT:
                self._result_received(draft, step, event, cause)
            case None:
                pass
        return draft.decision()

    def timer(self, state: WorkflowState | None, name: str, context: Context) -> Decision[WorkflowState]:
        """Take a fired timer: of the workflow, of a step, of a compensation, or of retention."""
        if state is None or name == RETENTION_TIMER:
            return Decision(None)
        draft = self._draft(state, context)
        kind, _, step_id = name.partition(":")
        step = self._steps.get(step_id) if step_id in state.steps else None
        if name == RUN_TIMER:
            self._run_timer(draft)
        elif step and kind + ":" == UNDO_TIMER:
            self._compensation.timed_out(draft, step)
            self._end_if_undone(draft)
        elif step and name == step_timer(step_id):
            self._step_timer(draft, step)
        return draft.decision()

    def cancel(self, state: WorkflowState | None, reason: str, context: Context) -> Decision[WorkflowState]:
        """Cancel a run. A run that is over, or unknown, does not change."""
        if state is None or state.phase != "running":
            return Decision(state)
        draft = self._draft(state, context)
        self._give_up(draft, reason)
        return draft.decision()

    def _first_steps(self, state: WorkflowState | None, from_step: str) -> dict[str, StepState]:
        """Return the steps of a new run. Raise RejectedError where it cannot begin at ``from_step``."""
        if from_step:
            return resumed_steps(self._workflow, state, from_step)
        return {step.id: StepState() for step in self._workflow.steps}

    # -- steps ----------------------------------------------------------------------------------

    def _begin(self, draft: RunDraft, context: Context) -> None:
        timeout = self._workflow.timeout
        if self._workflow.deadline:
            deadline = getattr(self._node, "deadline")(draft.run())  # noqa: B009 - named by the contract
            timeout = min(timeout, max(0.001, (deadline - context.now).total_seconds()))
        ends_ms = round((context.now.timestamp() + timeout) * 1000)
        draft.state = draft.state.model_copy(update={"ends_ms": ends_ms})
        draft.facts.append(RunStarted())
        draft.timers.append(SetTimer(RUN_TIMER, timeout))
        self._sender.progress(draft, "", "started")
        self._advance(draft)

    def _advance(self, draft: RunDraft) -> None:
        """Send the commands of steps that are ready. Complete the run when no step is left."""
        while self._sender.send_ready(draft):
            pass
        if not all(step_state.status in ("done", "skipped") for step_state in draft.steps.values()):
            return
        if self._workflow.continues:
            next_command = getattr(self._node, "continue_as_new")(draft.run())  # noqa: B009 - named by the contract
            if next_command is not None:
                self._continue(draft, next_command)
                return
        completion = getattr(self._node, "completed")(draft.run())  # noqa: B009 - named by the contract
        self._finish(draft, "completed", completion)

    def _continue(self, draft: RunDraft, command: Message) -> None:
        """Continue the run for the same sender, with a new command and no history."""
        state = draft.state
        draft.ended(EnumRunOutcome.CONTINUED)
        changes = {
            "command": command.to_stored_json(),
            "generation": state.generation + 1,
            "started_ms": round(draft.context.now.timestamp() * 1000),
        }
        draft.state = state.model_copy(update=changes)
        draft.steps = {step.id: StepState() for step in self._workflow.steps}
        self._begin(draft, draft.context)

    def _signal_received(self, draft: RunDraft, step: ModelWorkflowStep, event: Message) -> None:
        """Store a signal, which may come before its step is reached."""
        step_state = draft.steps[step.id]
        if (
            draft.state.phase != "running"
            or step_state.status not in ("waiting", "running")
            or step_state.result is not None
        ):
            return
        draft.set(step.id, result=event.to_stored_json())
        if step_state.status == "running":
            self._step_done(draft, step)

    def _failure_received(self, draft: RunDraft, step: ModelWorkflowStep, event: Message, cause: str) -> None:
        step_state = draft.steps[step.id]
        in_time = step_state.status == "running"
        if not in_time and not (step_state.maybe_done and draft.state.phase != "running"):
            return
        if step.fan_out:
            items = [
                item.model_copy(update={"refused": True}) if item.is_open and cause in item.command_ids else item
                for item in step_state.items
            ]
            draft.set(step.id, items=items)
        if not in_time:
            draft.set(step.id, maybe_done=step.fan_out and draft.steps[step.id].missing_replies > 0)
            self._late_reply(draft, step, is_whole=False)
        elif draft.state.phase != "running":
            self._awaited_reply(draft, step)
        elif step.error_action is EnumErrorAction.RETRY and step_state.attempts < step.retry.max_attempts:
            draft.timers.append(CancelTimer(step_timer(step.id)))
            self._sender.retry(draft, step)
        else:
            # The run waits for branches under way before it undoes them.
            is_open = step.fan_out and draft.steps[step.id].is_open
            if not (is_open and step.compensate and step.error_action in _GO_BACK):
                draft.timers.append(CancelTimer(step_timer(step.id)))
                draft.set(step.id, status="failed", maybe_done=is_open)
            self._failed(draft, step, _reason(event), event)

    def _result_received(self, draft: RunDraft, step: ModelWorkflowStep, event: Message, cause: str) -> None:
        step_state = draft.steps[step.id]
        in_time = step_state.status in ("running", "retrying")
        if step.fan_out:
            items = [
                item.model_copy(update={"result": event.to_stored_json(), "refused": False})
                if item.result is None and cause in item.command_ids
                else item
                for item in step_state.items
            ]
            if items == step_state.items:
                return
            draft.set(step.id, items=items)
            is_whole = all(item.result is not None for item in items)
        elif step_state.result is not None or not (in_time or step_state.maybe_done):
            return
        else:
            draft.set(step.id, result=event.to_stored_json())
            is_whole = True
        if in_time and draft.state.phase == "running":
            if is_whole:
                self._step_done(draft, step)
        elif in_time and draft.state.phase == "compensating":
            self._awaited_reply(draft, step)
        else:
            self._late_reply(draft, step, is_whole=is_whole)

    def _awaited_reply(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Take a reply to a command that was under way when the run failed. After the last one the step is undone."""
        step_state = draft.steps[step.id]
        if any(item.is_open for item in step_state.items):
            return
        is_whole = bool(step_state.results) and len(step_state.results) >= len(step_state.items)
        draft.timers.append(CancelTimer(step_timer(step.id)))
        draft.set(step.id, status="done" if is_whole else "failed", maybe_done=False)
        self._end_if_undone(draft)

    def _late_reply(self, draft: RunDraft, step: ModelWorkflowStep, *, is_whole: bool) -> None:
        """Take a reply of an abandoned step. A run that continues counts it; any other run undoes the step."""
        if is_whole and draft.steps[step.id].status in ("failed", "skipped"):
            draft.set(step.id, status="done", maybe_done=False)
        if draft.state.phase != "running":
            self._compensation.undo_late_result(draft, step)
            self._end_if_undone(draft)

    def _step_done(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        draft.timers.append(CancelTimer(step_timer(step.id)))
        draft.set(step.id, status="done", maybe_done=False)
        self._sender.progress(draft, step.id, "done")
        self._advance(draft)

    def _step_timer(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        """Send the next attempt after its delay, or give up a step whose reply did not come in time."""
        step_state = draft.steps[step.id]
        if draft.state.phase != "running":
            if step_state.status == "running":
                draft.give_up(step)
                self._end_if_undone(draft)
        elif step_state.status == "retrying":
            self._sender.send(draft, step)
        elif step_state.status == "running" and step_state.attempts < step.retry.max_attempts and step.command:
            draft.set(step.id, maybe_done=True)
            self._sender.retry(draft, step)
        elif step_state.status == "running":
            draft.give_up(step)
            self._failed(draft, step, f"{step.id} timed out", None)

    def _run_timer(self, draft: RunDraft) -> None:
        """Fail a run whose time is over. A run that has failed waits no longer for steps under way."""
        if draft.state.phase == "running":
            self._give_up(draft, "workflow timed out")
        elif draft.state.phase == "compensating":
            self._give_up_all(draft)
            self._end_if_undone(draft)

    # -- ends -----------------------------------------------------------------------------------

    def _failed(self, draft: RunDraft, step: ModelWorkflowStep, reason: str, event: Message | None) -> None:
        self._sender.progress(draft, step.id, "failed")
        if step.error_action is EnumErrorAction.CONTINUE:
            draft.set(step.id, status="skipped")
            self._advance(draft)
            return
        self._end_failed(draft, step.id, reason, event)

    def _give_up(self, draft: RunDraft, reason: str) -> None:
        """Fail the run. Steps under way may have happened, so they are compensated like steps that are done."""
        draft.timers.append(CancelTimer(RUN_TIMER))
        self._give_up_all(draft)
        self._end_failed(draft, "", reason, None)

    def _give_up_all(self, draft: RunDraft) -> None:
        for step in self._workflow.steps:
            if draft.steps[step.id].status in ("running", "retrying"):
                draft.give_up(step)

    def _end_failed(self, draft: RunDraft, step_id: str, reason: str, event: Message | None) -> None:
        draft.failed(step_id, reason, event)
        for step in self._workflow.steps:
            if draft.steps[step.id].status == "retrying":
                draft.give_up(step)
        self._compensation.begin(draft)
        self._end_if_undone(draft)

    def _end_if_undone(self, draft: RunDraft) -> None:
        """Undo the steps that can be undone now. End the run when it waits for no step."""
        if draft.state.is_over:
            return
        if self._compensation.advance(draft):
            completion = getattr(self._node, "failed")(draft.run())  # noqa: B009 - named by the contract
            self._finish(draft, "failed", completion)
        elif draft.state.phase == "running":
            draft.state = draft.state.model_copy(update={"phase": "compensating"})
            self._sender.progress(draft, "", "compensating")

    def _finish(self, draft: RunDraft, phase: str, completion: Message) -> None:
        self._sender.progress(draft, "", phase)
        draft.finish(phase, completion)
        draft.timers += [CancelTimer(RUN_TIMER), SetTimer(RETENTION_TIMER, self._persistence.retention_seconds)]

    def _draft(self, state: WorkflowState, context: Context) -> RunDraft:
        draft = RunDraft(state, context, self._start, self._models, self._workflow)
        if state.phase == "compensating":
            self._compensation.upgrade(draft)
        return draft

    def _repeat_completion(self, state: WorkflowState) -> Decision[WorkflowState]:
        finished = _as_finished(state)
        return Decision(state, events=[self._repeated(finished)] if finished else ())

    def _repeated(self, run: FinishedRun) -> Addressed:
        return repeated_completion(
            run, self._workflow.completed if run.phase == "completed" else self._workflow.failed
        )


def _as_finished(state: WorkflowState) -> FinishedRun | None:
    if state.finished_by is None:
        return None
    return FinishedRun(
        start_id=state.start_id, phase=state.phase, reply_key=state.reply_key, finished_by=state.finished_by
    )


def _earlier_runs(state: WorkflowState, most: int) -> list[FinishedRun]:
    finished = _as_finished(state)
    return [*([finished] if finished else []), *state.earlier][:most]


def _earlier(state: WorkflowState, start_id: str) -> FinishedRun | None:
    return next((run for run in state.earlier if run.start_id == start_id), None)


def _reason(event: Message) -> str:
    text = getattr(event, "reason", None)
    return text if isinstance(text, str) else type(event).__name__
