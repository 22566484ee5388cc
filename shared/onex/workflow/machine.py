"""Moves one run of a workflow forward. Pure: every method maps a state and an input to a Decision."""

from collections.abc import Mapping

from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumErrorAction
from onex.model.errors import RejectedError
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Context, Decision, Node, SetTimer
from onex.workflow.draft import RunDraft, completion_of, derived
from onex.workflow.state import FinishedRun, StepState, WorkflowState

WHOLE = "workflow"
RETENTION = "retention"
_KEEP_FINISHED = 24 * 3600.0
"""Seconds a finished run is kept to answer repeated commands with the same completion."""
_KEEP_RUNS = 20
"""Earlier runs of the same key that are kept for the same purpose."""


class WorkflowMachine:
    """The rules of declared workflows: order, retries, timeouts, failure, compensation."""

    def __init__(
        self, workflow: ModelWorkflow, node: Node, models: Mapping[str, type[Message]], start: type[Message]
    ) -> None:
        self._workflow = workflow
        self._node = node
        self._models = models
        self._start = start
        self._steps = {step.id: step for step in workflow.steps}
        self._by_answer = {name: step for step in workflow.steps for name in (step.result, step.failure) if name}

    def start(self, state: WorkflowState | None, command: Message, context: Context) -> Decision[WorkflowState]:
        """A command: begin, ignore a repetition, or give the completion again."""
        if state is not None and state.start_id == context.message_id:
            return self._again(state)
        if state is not None and (run := _earlier(state, context.message_id)):
            return Decision(state, completion=self._completion_of(run))
        if state is not None and state.phase == "running":
            raise RejectedError(f"workflow {context.key} is already running, started by {state.start_id}")
        begun = WorkflowState(
            start_id=context.message_id,
            command=command.model_dump_json(),
            reply_key=context.reply_key,
            correlation_id=context.correlation_id,
            started_ms=round(context.now.timestamp() * 1000),
            phase="running",
            steps={step.id: StepState() for step in self._workflow.steps},
            earlier=[] if state is None else _remembered(state),
        )
        draft = self._draft(begun, context)
        draft.timers.append(CancelTimer(RETENTION))
        draft.timers.append(SetTimer(WHOLE, self._workflow.timeout))
        self._progress(draft, "", "started")
        self._advance(draft)
        return draft.decision()

    def answer(self, state: WorkflowState | None, event: Message, context: Context) -> Decision[WorkflowState]:
        """A result or failure event; what no step waits for is ignored."""
        step = self._by_answer[type(event).__name__]
        if state is None:
            return Decision(None)
        kept = state.steps[step.id]
        if kept.status != "running" and not kept.maybe_done:
            return Decision(state)
        if context.causation_id and context.causation_id not in kept.command_ids:
            return Decision(state)
        draft = self._draft(state, context)
        if type(event).__name__ == step.failure:
            if kept.status == "running":
                draft.timers.append(CancelTimer(_step_timer(step.id)))
                draft.set(step.id, status="failed", maybe_done=False)
                self._failed(draft, step, _reason(event), event)
            return draft.decision()
        late = state.phase != "running" or kept.status != "running"
        draft.timers.append(CancelTimer(_step_timer(step.id)))
        draft.set(step.id, status="done", result=event.model_dump_json(), maybe_done=False)
        if late:
            if kept.status == "running" and state.phase == "failed":
                self._compensate_step(draft, step)
            return draft.decision()
        self._progress(draft, step.id, "done")
        self._advance(draft)
        return draft.decision()

    def timer(self, state: WorkflowState | None, name: str, context: Context) -> Decision[WorkflowState]:
        """The workflow's, a step's or the retention timer."""
        if state is None or name == RETENTION:
            return Decision(None)
        if state.phase != "running":
            return Decision(state)
        if name == WHOLE:
            return self._give_up(state, "workflow timed out", context)
        draft = self._draft(state, context)
        step = self._steps[name.removeprefix("step:")]
        kept = state.steps[step.id]
        if kept.status == "running" and kept.attempts < step.retry.max_attempts:
            self._send(draft, step)
        elif kept.status == "running":
            draft.set(step.id, status="failed", maybe_done=True)
            self._failed(draft, step, f"{step.id} timed out", None)
        return draft.decision()

    def cancel(self, state: WorkflowState | None, reason: str, context: Context) -> Decision[WorkflowState]:
        """An operator's wish; a run that is over, or unknown, stays as it is."""
        if state is None or state.phase != "running":
            return Decision(state)
        return self._give_up(state, reason, context)

    def _give_up(self, state: WorkflowState, reason: str, context: Context) -> Decision[WorkflowState]:
        """Steps in the air may have happened: they are compensated like those that did."""
        draft = self._draft(state, context)
        draft.timers.append(CancelTimer(WHOLE))
        for step_id, kept in state.steps.items():
            if kept.status == "running":
                draft.timers.append(CancelTimer(_step_timer(step_id)))
                draft.set(step_id, status="failed", maybe_done=True)
        self._end_failed(draft, "", reason, None)
        return draft.decision()

    def _draft(self, state: WorkflowState, context: Context) -> RunDraft:
        return RunDraft(state, context, self._start, self._models, self._workflow)

    def _advance(self, draft: RunDraft) -> None:
        """Send what can be sent; complete when nothing is left."""
        steps = draft.steps
        for step in self._workflow.steps:
            ready = all(steps[name].status in ("done", "skipped") for name in step.depends_on)
            if steps[step.id].status == "waiting" and ready:
                self._send(draft, step)
        if all(kept.status in ("done", "skipped") for kept in steps.values()):
            completion = getattr(self._node, "completed")(draft.run())  # noqa: B009 - named by the contract
            self._finish(draft, "completed", completion)

    def _send(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        command = getattr(self._node, step.id)(draft.run())
        kept = draft.steps[step.id]
        attempt = kept.attempts + 1
        identity = derived(draft.state.start_id, step.id, str(attempt))
        draft.set(step.id, status="running", attempts=attempt, command_ids=[*kept.command_ids, identity])
        work = derived(draft.state.start_id, step.id)
        draft.commands.append(Addressed(command, idempotency_key=work, id=identity))
        if step.timeout is not None:
            draft.timers.append(SetTimer(_step_timer(step.id), step.timeout))

    def _failed(self, draft: RunDraft, step: ModelWorkflowStep, reason: str, event: Message | None) -> None:
        self._progress(draft, step.id, "failed")
        if step.error_action is EnumErrorAction.CONTINUE:
            draft.set(step.id, status="skipped")
            self._advance(draft)
            return
        self._end_failed(draft, step.id, reason, event)

    def _end_failed(self, draft: RunDraft, step_id: str, reason: str, event: Message | None) -> None:
        draft.failed(step_id, reason, event)
        stop = step_id and self._steps[step_id].error_action is EnumErrorAction.STOP
        if not stop:
            for step in reversed(self._workflow.steps):
                kept = draft.steps[step.id]
                if kept.status == "done" or kept.maybe_done:
                    self._compensate_step(draft, step)
        completion = getattr(self._node, "failed")(draft.run())  # noqa: B009 - named by the contract
        self._finish(draft, "failed", completion)

    def _compensate_step(self, draft: RunDraft, step: ModelWorkflowStep) -> None:
        if step.compensate is None:
            return
        command = getattr(self._node, f"compensate_{step.id}")(draft.run())
        identity = derived(draft.state.start_id, step.id, "compensate")
        draft.commands.append(Addressed(command, idempotency_key=identity, id=identity))

    def _progress(self, draft: RunDraft, step_id: str, status: str) -> None:
        if self._workflow.progress is not None:
            event = getattr(self._node, "progress")(draft.run(), step_id, status)  # noqa: B009 - named by the contract
            draft.events.append(event)

    def _finish(self, draft: RunDraft, phase: str, completion: Message) -> None:
        self._progress(draft, "", phase)
        draft.finish(phase, completion)
        draft.timers += [CancelTimer(WHOLE), SetTimer(RETENTION, _KEEP_FINISHED)]

    def _again(self, state: WorkflowState) -> Decision[WorkflowState]:
        ended = _as_finished(state)
        return Decision(state, completion=self._completion_of(ended) if ended else None)

    def _completion_of(self, run: FinishedRun) -> Addressed:
        name = self._workflow.completed if run.phase == "completed" else self._workflow.failed
        return completion_of(run, self._models[name].model_validate_json(run.finished_by))


def _as_finished(state: WorkflowState) -> FinishedRun | None:
    if state.finished_by is None:
        return None
    return FinishedRun(
        start_id=state.start_id, phase=state.phase, reply_key=state.reply_key, finished_by=state.finished_by
    )


def _remembered(state: WorkflowState) -> list[FinishedRun]:
    ended = _as_finished(state)
    return [*([ended] if ended else []), *state.earlier][:_KEEP_RUNS]


def _earlier(state: WorkflowState, start_id: str) -> FinishedRun | None:
    return next((run for run in state.earlier if run.start_id == start_id), None)


def _step_timer(step_id: str) -> str:
    return f"step:{step_id}"


def _reason(event: Message) -> str:
    text = getattr(event, "reason", None)
    return text if isinstance(text, str) else type(event).__name__
