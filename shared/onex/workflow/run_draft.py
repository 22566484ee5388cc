"""A run while one input is worked on: collects changes and becomes a Decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypedDict, TypeVar, Unpack, cast

from onex.model.contract import ModelWorkflow, ModelWorkflowStep
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.node import Addressed, CancelTimer, Context, Decision, Run, SetTimer, StepFailure
from onex.workflow.state import (
    FinishedRun,
    ItemState,
    Phase,
    StepState,
    StepStatus,
    UndoState,
    WorkflowState,
    derived,
)

_Key = TypeVar("_Key")


class _Parsed(Mapping[_Key, Sequence[Message]]):
    """Results by type or by step, parsed when they are read."""

    def __init__(self, found: Mapping[_Key, tuple[type[Message], Sequence[str]]]) -> None:
        self._found = found

    def __getitem__(self, key: _Key) -> Sequence[Message]:
        model, texts = self._found[key]
        return [model.from_stored_json(text) for text in texts]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


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


def step_timer(step_id: str) -> str:
    """Name of the timer of a step."""
    return f"step:{step_id}"


class RunDraft:
    """Mutable for the length of one call; the state it began with is not touched."""

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
        self.context = context
        self._start = start
        self._models = models
        self._workflow = workflow
        self._completion: Message | Addressed | None = None

    def set(self, step_id: str, **changes: Unpack[StepChanges]) -> None:
        """Change a step; what is not given stays."""
        self.steps[step_id] = self.steps[step_id].model_copy(update=changes)

    def message(self, name: str, text: str) -> Message:
        """A message of the node that was kept as JSON."""
        return self._models[name].from_stored_json(text)

    def give_up(self, step: ModelWorkflowStep) -> None:
        """Wait no longer for a step that is under way. It may have happened; a step that was refused has not."""
        kept = self.steps[step.id]
        asked = kept.status == "running" and step.command is not None
        self.timers.append(CancelTimer(step_timer(step.id)))
        self.set(step.id, status="failed", maybe_done=asked or kept.maybe_done)

    def failed(self, step_id: str, reason: str, event: Message | None) -> None:
        """The run has failed; ``run()`` now shows why."""
        self.state = self.state.model_copy(
            update={
                "failed_step": step_id,
                "reason": reason,
                "failure_event": event.to_stored_json() if event else None,
                "failure_type": type(event).__name__ if event else "",
            }
        )

    def finish(self, phase: str, completion: Message) -> None:
        """The run is over."""
        self.state = self.state.model_copy(
            update={"phase": cast(Phase, phase), "finished_by": completion.to_stored_json()}
        )
        self._completion = completion_of(self.state, completion)

    def run(self) -> Run[Message]:
        """The view that the node's step methods get."""
        by_step = {
            step.id: (self._models[answer], found)
            for step in self._workflow.steps
            if (answer := step.result or step.signal) and (found := self.steps[step.id].results)
        }
        by_model: dict[type[Message], tuple[type[Message], list[str]]] = {}
        for model, found in by_step.values():
            by_model.setdefault(model, (model, []))[1].extend(found)
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
        left = tuple(name for name, kept in self.steps.items() if kept.status == "not compensated")
        problems = {name: kept.problem for name, kept in self.steps.items() if kept.problem}
        return StepFailure(self.state.failed_step, self.state.reason, event, left, problems)

    def decision(self) -> Decision[WorkflowState]:
        """Everything collected; it belongs to the chain of the command that started the run."""
        state = self.state.model_copy(update={"steps": self.steps})
        if state.correlation_id in ("", self.context.correlation_id):
            return Decision(state, self.commands, self.timers, self._completion, self.events)
        completion = None if self._completion is None else self._of_this_run(self._completion)
        commands, events = map(self._of_this_run, self.commands), map(self._of_this_run, self.events)
        return Decision(state, list(commands), self.timers, completion, list(events))

    def _of_this_run(self, emission: Message | Addressed) -> Addressed:
        addressed = emission if isinstance(emission, Addressed) else Addressed(emission)
        return replace(addressed, correlation_id=self.state.correlation_id)


def completion_of(state: WorkflowState | FinishedRun, completion: Message) -> Addressed:
    """The completion answers the command that started the run. It has the same id however often it is written."""
    key = "" if completion.key_field else state.reply_key
    identity = derived(state.start_id, "completion")
    return Addressed(completion, key=key, reply_key=state.reply_key, id=identity, answers_id=state.start_id)


def repeated_completion(run: FinishedRun, name: str) -> Addressed:
    """The completion once more, for the sender of a repeated command: the topic of completions has it already."""
    repeated = CompletionRepeated(completion=name, content=run.finished_by)
    identity = derived(run.start_id, "completion")
    return Addressed(repeated, key=run.reply_key, reply_key=run.reply_key, id=identity, answers_id=run.start_id)
