"""A run while one input is worked on: collects changes and becomes a Decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypedDict, Unpack, cast

from onex.model.contract import ModelWorkflow
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Context, Decision, Run, SetTimer, StepFailure
from onex.workflow.state import FinishedRun, ItemState, Phase, StepState, StepStatus, WorkflowState, derived


class _Results(Mapping[type[Message], Sequence[Message]]):
    """Results by type, parsed when asked for."""

    def __init__(self, by_model: Mapping[type[Message], Sequence[str]]) -> None:
        self._by_model = by_model

    def __getitem__(self, model: type[Message]) -> Sequence[Message]:
        return [model.of_kept(text) for text in self._by_model[model]]

    def __iter__(self) -> Iterator[type[Message]]:
        return iter(self._by_model)

    def __len__(self) -> int:
        return len(self._by_model)


class StepChanges(TypedDict, total=False):
    """Fields of a :class:`StepState`."""

    status: StepStatus
    attempts: int
    command_ids: list[str]
    result: str | None
    maybe_done: bool
    items: list[ItemState]
    compensations: int


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

    def failed(self, step_id: str, reason: str, event: Message | None) -> None:
        """The run has failed; ``run()`` now shows why."""
        self.state = self.state.model_copy(
            update={
                "failed_step": step_id,
                "reason": reason,
                "failure_event": event.as_kept() if event else None,
                "failure_type": type(event).__name__ if event else "",
            }
        )

    def finish(self, phase: str, completion: Message) -> None:
        """The run is over."""
        self.state = self.state.model_copy(update={"phase": cast(Phase, phase), "finished_by": completion.as_kept()})
        self._completion = completion_of(self.state, completion)

    def run(self) -> Run[Message]:
        """The view that the node's step methods get."""
        results = {
            self._models[answer]: found
            for step in self._workflow.steps
            if (answer := step.result or step.signal) and (found := self.steps[step.id].results)
        }
        return Run(
            self.context.key,
            self._start.of_kept(self.state.command),
            _Results(results),
            datetime.fromtimestamp(self.state.started_ms / 1000, UTC),
            self.context.now,
            self._failure(),
        )

    def _failure(self) -> StepFailure | None:
        if not self.state.reason:
            return None
        event = None
        if self.state.failure_event is not None:
            event = self._models[self.state.failure_type].of_kept(self.state.failure_event)
        left = tuple(name for name, kept in self.steps.items() if kept.status == "not compensated")
        return StepFailure(self.state.failed_step, self.state.reason, event, left)

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
    """The completion answers the command that started the run, with an id that is the same for every repetition."""
    key = "" if completion.key_field else state.reply_key
    identity = derived(state.start_id, "completion")
    return Addressed(completion, key=key, reply_key=state.reply_key, id=identity, answers_id=state.start_id)
