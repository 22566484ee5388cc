"""A run while one input is worked on: collects changes and becomes a Decision."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import cast

from onex.model.contract import ModelWorkflow
from onex.model.message import Message
from onex.node import Addressed, CancelTimer, Context, Decision, Run, SetTimer, StepFailure
from onex.workflow.state import FinishedRun, Phase, StepState, StepStatus, WorkflowState


class _Results(Mapping[type[Message], Message]):
    """Results by type, parsed when asked for."""

    def __init__(self, by_model: Mapping[type[Message], str]) -> None:
        self._by_model = by_model

    def __getitem__(self, model: type[Message]) -> Message:
        return model.model_validate_json(self._by_model[model])

    def __iter__(self) -> Iterator[type[Message]]:
        return iter(self._by_model)

    def __len__(self) -> int:
        return len(self._by_model)


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
        self._context = context
        self._start = start
        self._models = models
        self._workflow = workflow
        self._completion: Message | Addressed | None = None
        self._failure: StepFailure | None = None

    def set(
        self,
        step_id: str,
        *,
        status: StepStatus,
        attempts: int | None = None,
        command_ids: list[str] | None = None,
        result: str | None = None,
        maybe_done: bool | None = None,
    ) -> None:
        """Change a step; None leaves a field as it is."""
        given = {"attempts": attempts, "command_ids": command_ids, "result": result, "maybe_done": maybe_done}
        changed = {name: value for name, value in given.items() if value is not None}
        self.steps[step_id] = self.steps[step_id].model_copy(update={"status": status, **changed})

    def failed(self, step_id: str, reason: str, event: Message | None) -> None:
        """The run has failed; ``run()`` now shows why."""
        self._failure = StepFailure(step_id, reason, event)
        self.state = self.state.model_copy(
            update={
                "failed_step": step_id,
                "reason": reason,
                "failure_event": event.model_dump_json() if event else None,
                "failure_type": type(event).__name__ if event else "",
            }
        )

    def finish(self, phase: str, completion: Message) -> None:
        """The run is over."""
        self.state = self.state.model_copy(
            update={"phase": cast(Phase, phase), "finished_by": completion.model_dump_json()}
        )
        self._completion = completion_of(self.state, completion)

    def run(self) -> Run[Message]:
        """The view that the node's step methods get."""
        results = {
            self._models[step.result]: text
            for step in self._workflow.steps
            if (text := self.steps[step.id].result) is not None
        }
        return Run(
            self._context.key,
            self._start.model_validate_json(self.state.command),
            _Results(results),
            datetime.fromtimestamp(self.state.started_ms / 1000, UTC),
            self._context.now,
            self._failure or self._kept_failure(),
        )

    def _kept_failure(self) -> StepFailure | None:
        if not self.state.reason:
            return None
        event = None
        if self.state.failure_event is not None:
            event = self._models[self.state.failure_type].model_validate_json(self.state.failure_event)
        return StepFailure(self.state.failed_step, self.state.reason, event)

    def decision(self) -> Decision[WorkflowState]:
        """Everything collected; it belongs to the chain of the command that started the run."""
        state = self.state.model_copy(update={"steps": self.steps})
        if state.correlation_id in ("", self._context.correlation_id):
            return Decision(state, self.commands, self.timers, self._completion, self.events)
        completion = None if self._completion is None else self._of_this_run(self._completion)
        commands, events = map(self._of_this_run, self.commands), map(self._of_this_run, self.events)
        return Decision(state, list(commands), self.timers, completion, list(events))

    def _of_this_run(self, emission: Message | Addressed) -> Addressed:
        addressed = emission if isinstance(emission, Addressed) else Addressed(emission)
        return replace(addressed, correlation_id=self.state.correlation_id)


def completion_of(state: WorkflowState | FinishedRun, completion: Message) -> Addressed:
    """The completion goes to who asked, with an id that is the same for every repetition."""
    key = "" if completion.key_field else state.reply_key
    return Addressed(completion, key=key, reply_key=state.reply_key, id=derived(state.start_id, "completion"))


def derived(*parts: str) -> str:
    """Id that depends on nothing but its parts: the same run gives the same ids."""
    return blake2b("|".join(parts).encode(), digest_size=16).hexdigest()
