"""Operators cancel workflow runs, and run commands again whose runs are over. Each change has an audit entry."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from onex.bus.protocols import Headers, ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import require_topic
from onex.contract import ResolvedNode
from onex.dlq.audit import Audit, Author
from onex.dlq.manager import Transaction
from onex.errors import RejectedError
from onex.model.cancel import CancelWorkflow
from onex.model.mesh import EnumDeadLetterAction
from onex.model.message import Message
from onex.model.topic import is_foreign
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.schema.json_codec import codec_of
from onex.util.error_text import validation_text
from onex.wire import headers as h
from onex.wire.cloudevents import first_headers
from onex.wire.ids import derived_id
from onex.workflow import StepState, WorkflowState
from onex.workflow.compile import start_of
from onex.workflow.resuming import repeated_steps, resumed_steps

_BATCH = 100
_SOURCE = b"/onex/cli"
BeginAt = Callable[[WorkflowState], str]
"""Returns the step at which the new run of an earlier one begins; empty for the start of the workflow. Raises
RejectedError."""


def at_the_start(_: WorkflowState) -> str:
    """Begin with the first steps."""
    return ""


def at_step(name: str) -> BeginAt:
    """Return what begins each run at this step."""
    return lambda _: name


def at_the_failed_step(state: WorkflowState) -> str:
    """Begin with the step that failed."""
    if not state.failed_step:
        raise RejectedError("no step of it failed; `onex workflows rerun` begins it again")
    return state.failed_step


@dataclass(frozen=True, slots=True)
class SelectedRun:
    """A run of one orchestrator."""

    key: str
    state: WorkflowState


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Conditions that a run must meet. Empty conditions are ignored."""

    step: str = ""
    """It is under way in an open run, and is what failed a run that is over."""
    reason: str = ""
    """Part of the reason of the failure."""
    version: str = ""
    since_ms: int = 0
    """Began at or after this time; milliseconds since 1970."""
    until_ms: int = 0
    """Began before this time; milliseconds since 1970."""

    @property
    def is_empty(self) -> bool:
        """Whether every run meets it."""
        return self == RunFilter()

    def matches(self, state: WorkflowState) -> bool:
        """Return whether a run meets every condition."""
        step = state.steps.get(self.step)
        is_at_step = state.failed_step == self.step if state.is_over else step is not None and step.is_open
        return (
            (not self.step or is_at_step)
            and self.reason in state.reason
            and self.version in ("", state.version)
            and self.since_ms <= state.started_ms
            and (not self.until_ms or state.started_ms < self.until_ms)
        )


class RunChanger:
    """Changes runs of one orchestrator. The runs of a batch and their audit entries are one transaction."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        node: ResolvedNode,
        author: Author,
        env: str,
        authorization: str = "",
    ) -> None:
        """``authorization``: value of that header of commands that run again; empty omits it."""
        self._bus = bus
        self._catalogue = catalogue
        self._contract = node.contract
        self._author = author
        self._authorization = authorization
        self._audit = Audit(bus, catalogue, node.contract.topic_prefix)
        workflow = node.contract.workflow_coordination
        assert workflow is not None, "only declared workflows have runs"
        self._workflow = workflow
        self._start = start_of(node)
        self._start_topic = next(route.topic for route in node.all_routes if route.model is self._start)
        self._transactional_id = f"{node.contract.group(env)}.runs"

    def cancel(
        self,
        runs: Sequence[SelectedRun],
        reason: str,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Send cancel commands, and return their number. Raise FencedError, BusError."""
        topic = self._contract.cancel_topic
        codec = Codec.of_topic(CancelWorkflow, topic, self._catalogue)
        done = 0
        for batch in _batches(runs):
            if stopping():
                break
            with Transaction(self._bus.transaction(self._transactional_id)) as transaction:
                for run in batch:
                    value = codec.encode(CancelWorkflow(workflow_id=run.key, reason=reason))
                    headers = first_headers(topic, _SOURCE, uuid.uuid4().hex)
                    transaction.produce(topic, value, run.key.encode(), headers)
                    self._note(transaction, run, EnumDeadLetterAction.WORKFLOW_CANCELLED, reason)
            done += len(batch)
            progress(done)
        return done

    def refusal(
        self,
        run: SelectedRun,
        *,
        repeats_steps: bool = False,
        repeats_completed: bool = False,
        begin_at: BeginAt = at_the_start,
    ) -> str:
        """Return why the command of a run is not run again; empty when it can be."""
        state = run.state
        if is_foreign(self._start_topic):
            return f"its command comes from {self._start_topic}, a topic of others: send it there again"
        if not state.is_over:
            return f"it is still {state.phase}; cancel it first"
        if state.phase == "completed" and not repeats_completed:
            return "it completed; `onex workflows rerun --completed` repeats everything that it did"
        try:
            self._command(state)
            repeated = self._repeated(state, begin_at(state))
        except RejectedError as error:
            return str(error)
        if state.phase == "failed" and not repeats_steps and (standing := self._standing(state) & repeated):
            return f"{', '.join(sorted(standing))}: not undone; --repeat-steps does them a second time"
        return ""

    def rerun(
        self,
        runs: Sequence[SelectedRun],
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
        *,
        begin_at: BeginAt = at_the_start,
    ) -> int:
        """Send the commands of runs again, to their orchestrator only. Return their number.

        The id of the new run derives from that of the earlier one: the orchestrator ignores a command that comes
        twice. Where the new run begins at a step, it keeps the results of the steps that do not depend on this step.
        Raise RejectedError for a run that :meth:`refusal` refuses for its command, FencedError, BusError.
        """
        retry_topic = self._contract.retry_topic
        partitions = require_topic(self._bus.admin, retry_topic).partitions
        topic = self._start_topic
        codec = codec_of(self._contract.event_bus, self._start, topic, self._catalogue)
        done = 0
        for batch in _batches(runs):
            if stopping():
                break
            with Transaction(self._bus.transaction(self._transactional_id)) as transaction:
                for run in batch:
                    key, identity = run.key.encode(), rerun_id(run.state)
                    headers: Headers = [
                        *first_headers(topic, _SOURCE, identity, run.state.correlation_id, codec.content_type),
                        (h.ORIGINAL_TOPIC, topic.encode()),
                        *self._contract.event_bus.type_headers(topic, self._start.__name__),
                    ]
                    if from_step := begin_at(run.state):
                        headers.append((h.FROM_STEP, from_step.encode()))
                    if run.state.reply_key:
                        headers.append((h.REPLY_KEY, run.state.reply_key.encode()))
                    if self._authorization:
                        headers.append((h.AUTHORIZATION, self._authorization.encode()))
                    value = codec.encode(self._command(run.state))
                    detail = f"as {identity}{f' from {from_step}' if from_step else ''}"
                    number = self._bus.partitions_of([key], partitions)[0]
                    transaction.produce(retry_topic, value, key, headers, number)
                    self._note(transaction, run, EnumDeadLetterAction.WORKFLOW_RERUN, detail)
            done += len(batch)
            progress(done)
        return done

    def _command(self, state: WorkflowState) -> Message:
        try:
            return self._start.from_stored_json(state.command)
        except ValidationError as error:
            problem = validation_text(error, self._start)
            raise RejectedError(f"its command is no {self._start.__name__} any more: {problem}") from None

    def _repeated(self, state: WorkflowState, from_step: str) -> set[str]:
        """Return the steps that a new run does. Raise RejectedError where it cannot begin at a step."""
        if not from_step:
            return {*state.steps}
        resumed_steps(self._workflow, state, from_step)
        return repeated_steps(self._workflow, from_step)

    def _standing(self, state: WorkflowState) -> set[str]:
        """Return the steps of a failed run that their contract can undo, and that are not undone."""
        undoable = {step.id for step in self._workflow.steps if step.compensate}
        return {name for name, step in state.steps.items() if name in undoable and not _is_undone(step)}

    def _note(
        self, transaction: ProtocolTransaction, run: SelectedRun, action: EnumDeadLetterAction, detail: str
    ) -> None:
        name = self._contract.name
        self._audit.add(transaction, f"{name}/{run.key}", name, run.state.start_id, action, self._author, detail)


def rerun_id(state: WorkflowState) -> str:
    """Return the id of the command that runs again."""
    return derived_id(state.start_id, "rerun")


def _is_undone(step: StepState) -> bool:
    """Return whether nothing of a step is left: it did not happen, or the commands that undo it are done or sent."""
    if step.status == "compensated" or not step.may_have_happened:
        return True
    return step.status != "not compensated" and bool(step.undos) and not step.problem


def _batches(runs: Sequence[SelectedRun]) -> list[Sequence[SelectedRun]]:
    return [runs[at : at + _BATCH] for at in range(0, len(runs), _BATCH)]
