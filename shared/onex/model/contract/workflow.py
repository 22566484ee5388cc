"""A declared workflow of an orchestrator: structure here, data in one typed method per step."""

from collections import Counter
from graphlib import CycleError, TopologicalSorter

from pydantic import Field, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import ClassName, identifier_problem
from onex.model.contract.sources import FieldValues
from onex.model.duration import Duration
from onex.model.enums import EnumBackoff, EnumErrorAction
from onex.util.backoff import exponential, linear

_METHODS_OF_EACH = ("completed", "continue_as_new", "deadline", "failed", "progress")


class ModelStepRetry(ContractPart):
    """How often the command of a step is sent before the step counts as failed."""

    max_attempts: int = Field(default=1, ge=1, le=100)
    """Number of attempts, including the first. All have the same idempotency key."""
    delay: Duration | None = None
    """Delay before the second attempt. None: no delay."""
    backoff: EnumBackoff = EnumBackoff.EXPONENTIAL
    """How the delays grow."""
    max_delay: Duration = 300.0
    """Longest delay."""

    def delay_after(self, attempts: int) -> float:
        """Return the seconds to wait after this number of attempts."""
        if self.delay is None:
            return 0.0
        match self.backoff:
            case EnumBackoff.FIXED:
                return min(self.delay, self.max_delay)
            case EnumBackoff.LINEAR:
                return linear(attempts, self.delay, self.max_delay)
            case EnumBackoff.EXPONENTIAL:
                return exponential(attempts, self.delay, self.max_delay)


class ModelWorkflowStep(ContractPart):
    """Send ``command``, wait for ``result`` (or ``failure``) within ``timeout`` per attempt; or wait for ``signal``.

    A child workflow is a step whose command starts another orchestrator: its completion events are ``result`` and
    ``failure`` here.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)
    """Id of the step, and name of the method that makes its command."""
    command: ClassName | None = None
    """Command that the step sends."""
    input: FieldValues | None = None
    """Values of the command. Sources: the start command, and results of steps that are certainly done before. A
    result is ``Message.field`` or ``step_id.field``."""
    result: ClassName | None = None
    """Message that completes the step."""
    failure: ClassName | None = None
    """Message that fails the step."""
    signal: ClassName | None = None
    """Instead of a command: a message from outside, keyed by the workflow, for which the step waits."""
    depends_on: tuple[str, ...] = ()
    """Steps that must be done before."""
    conditional: bool = False
    """The step is skipped when the method ``when_{id}(run) -> bool`` returns False."""
    fan_out: bool = False
    """The step's method returns a list of commands. The step is done when all have a reply."""
    timeout: Duration | None = None
    """Time limit of an attempt. None: only the timeout of the workflow applies."""
    retry: ModelStepRetry = ModelStepRetry()
    """Retries when no reply comes in time, and with ``error_action: retry`` also after a failure."""
    compensate: ClassName | None = None
    """Command that undoes the step when a later one fails."""
    compensation_input: FieldValues | None = None
    """Values of that command. Sources as in ``input``: a step is also undone when its own result has not come."""
    compensated: ClassName | None = None
    """Message that confirms the compensation. With it, compensations run one after another."""
    compensation_timeout: Duration = 30.0
    """Time limit of an attempt at a confirmed compensation."""
    compensation_retry: ModelStepRetry = ModelStepRetry(max_attempts=10, delay=1.0)
    """Retries of a confirmed compensation."""
    error_action: EnumErrorAction = EnumErrorAction.COMPENSATE
    """Effect of a failure on the run."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "ModelWorkflowStep":
        problems = []
        if self.signal is None and not (self.command and self.result):
            problems.append("write command and result, or signal")
        if self.signal and (self.command or self.result or self.failure or self.fan_out or self.compensate):
            problems.append("a step with signal has no command, result, failure, fan_out or compensate")
        if self.result and self.result == self.failure:
            problems.append("result and failure are the same message")
        if self.compensated and not self.compensate:
            problems.append("compensated needs compensate")
        if self.input is not None and (self.command is None or self.fan_out):
            problems.append("input belongs to a step with one command; a fan_out step makes its list in a method")
        if self.compensation_input is not None and self.compensate is None:
            problems.append("compensation_input needs compensate")
        if self.error_action is EnumErrorAction.RETRY and self.retry.max_attempts == 1:
            problems.append("error_action: retry needs retry.max_attempts above 1")
        if problems:
            raise ValueError(f"step {self.id!r}: " + "; ".join(problems))
        return self

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods of the node that belong to the step."""
        named = (
            (self.conditional, f"when_{self.id}"),
            (self.command, self.id),
            (self.compensate, f"compensate_{self.id}"),
        )
        return tuple(name for wanted, name in named if wanted)

    @property
    def answers(self) -> tuple[str, ...]:
        """Replies and signals of the step."""
        return tuple(name for name in (self.result, self.failure, self.signal, self.compensated) if name)


class ModelWorkflow(ContractPart):
    """Steps of a workflow. ``depends_on`` orders them; independent steps run in parallel."""

    timeout: Duration = 300.0
    """Time limit of a run. After it, the run fails and is compensated."""
    deadline: bool = False
    """The method ``deadline(run) -> datetime`` returns the time at which the run fails at the latest."""
    steps: tuple[ModelWorkflowStep, ...] = Field(min_length=1)
    """Steps, in any order."""
    completed: ClassName
    """Completion event of a successful run."""
    completed_input: FieldValues | None = None
    """Its values. Sources: the start command, and results of steps that are certainly done at the end."""
    failed: ClassName
    """Completion event of a failed run."""
    failed_input: FieldValues | None = None
    """Its values. Sources: the start command, ``failure.step`` and ``failure.reason``, both texts."""
    progress: ClassName | None = None
    """Event published when a step starts, ends or fails, in order, keyed by the workflow."""
    progress_input: FieldValues | None = None
    """Its values. Sources: the start command, ``step`` and ``status``, both texts."""
    continues: bool = False
    """When all steps are done, the method ``continue_as_new(run)`` may return a new command. The run starts again
    with it, without its history. None completes the run."""

    @model_validator(mode="after")
    def _is_a_graph(self) -> "ModelWorkflow":
        ids = [step.id for step in self.steps]
        problems = [f"step {i!r} is declared twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
        for step in self.steps:
            problems += [
                f"step {step.id!r} depends on {name!r}, which is no step"
                for name in step.depends_on
                if name not in ids
            ]
        try:
            TopologicalSorter({step.id: step.depends_on for step in self.steps}).prepare()
        except CycleError as error:
            problems.append(f"the steps form a cycle: {' -> '.join(error.args[1])}")
        answers = [name for step in self.steps for name in dict.fromkeys(step.answers)]
        problems += [
            f"{step.signal} is the signal of step {step.id!r} and moves another step; a signal names no command, "
            "so it belongs to one step"
            for step in self.steps
            if step.signal and answers.count(step.signal) > 1
        ]
        if self.progress_input is not None and self.progress is None:
            problems.append("progress_input needs progress")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _methods_are_distinct(self) -> "ModelWorkflow":
        named = Counter(name for step in self.steps for name in step.methods)
        problems = [f"step id {name!r}: {why}" for name in sorted(named) if (why := identifier_problem(name))]
        problems += [
            f"step id {name!r} is the name of a method of every workflow"
            for name in _METHODS_OF_EACH
            if name in named
        ]
        problems += [f"two steps need a method {name!r}; give one another id" for name, n in named.items() if n > 1]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods of the node that the workflow calls."""
        return (*_METHODS_OF_EACH, *(name for step in self.steps for name in step.methods))

    @property
    def answers(self) -> frozenset[str]:
        """Replies and signals of all steps."""
        return frozenset(name for step in self.steps for name in step.answers)

    @property
    def sent(self) -> tuple[str, ...]:
        """Commands of all steps, including compensations."""
        return tuple(name for step in self.steps for name in (step.command, step.compensate) if name)
