"""A run while one input is in work: collects changes and returns them as a Decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypedDict, TypeVar, Unpack, cast

from typing_extensions import override

from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.node import Addressed, CancelTimer, Context, Decision, Run, SetTimer, StepFailure
from onex.wire.ids import derived_id
from onex.workflow.facts import EnumRunOutcome, EnumUndoOutcome, Fact, RunEnded, StepUndone, facts_of_step
from onex.workflow.state import (
    FinishedRun,
    ItemState,
    Phase,
    StepState,
    StepStatus,
    UndoState,
    WorkflowState,
)

_Key = TypeVar("_Key")


class _Parsed(Mapping[_Key, Sequence[Message]]):
    """Results by type or by step. They are parsed when they are read."""

    def __init__(self, stored: Mapping[_Key, tuple[type[Message], Sequence[str]]]) -> None:
        self._stored = stored

    @override
    def __getitem__(self, key: _Key) -> Sequence[Message]:
        model, texts = self._stored[key]
        return [model.from_stored_json(text) for text in texts]

    @override
    def __iter__(self) -> Iterator[_Key]:
        return iter(self._stored)

    @override
    def __len__(self) -> int:
        return len(self._stored)


class StepChanges(TypedDict, total=False):
    """Fields of a :class:`StepState`."""

    status: StepStatus
    attempts: int
    command_ids: list[str]
    result: str | None
    maybe_done: bool
    items: list[ItemState]
    compensations: int
    undos: list[UndoState]
    problem: str
    started_ms: int


@dataclass(frozen=True, slots=True)
class RunDecision(Decision[WorkflowState]):
    """A decision of a declared workflow."""

    facts: Sequence[Fact] = ()
    """What it changes in the run, in order."""


def step_timer(step_id: str) -> str:
    """Return the name of the timer of a step."""
    return f"step:{step_id}"


class RunDraft:
    """Mutable during one call. The state that it began with does not change."""

    def __init__(
        self,
        state: WorkflowState,
        context: Context,
        start: type[Message],
        models: Mapping[str, type[Message]],
        workflow: ModelWorkflow,
    ) -> None:
        self.state = state
        self.steps: dict[str, StepState] = dict(state.steps)
        self.commands: list[Message | Addressed] = []
        self.timers: list[SetTimer | CancelTimer] = []
        self.events: list[Message | Addressed] = []
        self.facts: list[Fact] = []
        self.context = context
        self._start = start
        self._models = models
        self._workflow = workflow
        self._completion: Message | Addressed | None = None

    def set(self, step_id: str, **changes: Unpack[StepChanges]) -> None:
        """Change the named fields of a step."""
        before = self.steps[step_id]
        if changes.get("status") == "running" and not before.started_ms:
            changes["started_ms"] = self.now_ms
        after = self.steps[step_id] = before.model_copy(update=changes)
        self.facts += facts_of_step(step_id, before, after, self.now_ms)

    @property
    def now_ms(self) -> int:
        """Time of the input, in milliseconds since 1970."""
        return round(self.context.now.timestamp() * 1000)

    def ended(self, outcome: EnumRunOutcome) -> None:
        """Note that the run ends now, or continues as new."""
        self.facts.append(RunEnded(outcome, max(0, self.now_ms - self.state.started_ms) / 1000))

    def undo_sent(self, step_id: str) -> None:
        """Note that the command that undoes a step was sent, and that the run does not wait for a reply."""
        self.facts.append(StepUndone(step_id, EnumUndoOutcome.SENT))

    def message(self, name: str, text: str) -> Message:
        """Return a message of the node from its stored JSON."""
        return self._models[name].from_stored_json(text)

    def give_up(self, step: ModelWorkflowStep) -> None:
        """Wait no longer for a step that is under way. It may have happened, but not when its reply was a failure."""
        step_state = self.steps[step.id]
        is_sent = step_state.status == "running" and step.command is not None
        self.timers.append(CancelTimer(step_timer(step.id)))
        self.set(step.id, status="failed", maybe_done=is_sent or step_state.maybe_done)

    def failed(self, step_id: str, reason: str, event: Message | None) -> None:
        """Note that the run has failed. From now on ``run()`` has the failure."""
        self.state = self.state.model_copy(
            update={
                "failed_step": step_id,
                "reason": reason,
                "failure_event": event.to_stored_json() if event else None,
                "failure_type": type(event).__name__ if event else "",
            }
        )

    def finish(self, phase: str, completion: Message) -> None:
        """End the run."""
        self.state = self.state.model_copy(
            update={"phase": cast(Phase, phase), "finished_by": completion.to_stored_json()}
        )
        self._completion = completion_of(self.state, completion)
        self.ended(EnumRunOutcome(phase))

    def run(self) -> Run[Message]:
        """Return the view of the run for the node's step methods."""
        by_step = {
            step.id: (self._models[name], results)
            for step in self._workflow.steps
            if (name := step.result or step.signal) and (results := self.steps[step.id].results)
        }
        by_model: dict[type[Message], tuple[type[Message], list[str]]] = {}
        for model, results in by_step.values():
            by_model.setdefault(model, (model, []))[1].extend(results)
        return Run(
            self.context.key,
            self._start.from_stored_json(self.state.command),
            _Parsed(by_model),
            datetime.fromtimestamp(self.state.started_ms / 1000, UTC),
            self.context.now,
            self._failure(),
            _Parsed(by_step),
        )

    def _failure(self) -> StepFailure | None:
        if not self.state.reason:
            return None
        event = None
        if self.state.failure_event is not None:
            event = self._models[self.state.failure_type].from_stored_json(self.state.failure_event)
        not_compensated = tuple(
            name for name, step_state in self.steps.items() if step_state.status == "not compensated"
        )
        problems = {name: step_state.problem for name, step_state in self.steps.items() if step_state.problem}
        return StepFailure(self.state.failed_step, self.state.reason, event, not_compensated, problems)

    def decision(self) -> RunDecision:
        """Return the collected changes. They belong to the chain of the command that started the run."""
        state = self.state.model_copy(update={"steps": self.steps})
        if state.correlation_id in ("", self.context.correlation_id):
            return RunDecision(state, self.commands, self.timers, self._completion, self.events, self.facts)
        completion = None if self._completion is None else self._of_this_run(self._completion)
        commands, events = map(self._of_this_run, self.commands), map(self._of_this_run, self.events)
        return RunDecision(state, list(commands), self.timers, completion, list(events), self.facts)

    def _of_this_run(self, emission: Message | Addressed) -> Addressed:
        addressed = emission if isinstance(emission, Addressed) else Addressed(emission)
        return replace(addressed, correlation_id=self.state.correlation_id)


def completion_of(state: WorkflowState | FinishedRun, completion: Message) -> Addressed:
    """Return the completion as the reply to the command that started the run. Its id is the same each time."""
    key = "" if completion.key_field else state.reply_key
    identity = derived_id(state.start_id, "completion")
    return Addressed(completion, key=key, reply_key=state.reply_key, id=identity, answers_id=state.start_id)


def repeated_completion(run: FinishedRun, name: str) -> Addressed:
    """Return the completion for the sender of a repeated command. The topic of completions has it already."""
    repeated = CompletionRepeated(completion=name, content=run.finished_by)
    identity = derived_id(run.start_id, "completion")
    return Addressed(repeated, key=run.reply_key, reply_key=run.reply_key, id=identity, answers_id=run.start_id)
