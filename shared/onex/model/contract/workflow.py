"""A declared workflow of an orchestrator: structure here, data in one typed method per step."""

from graphlib import CycleError, TopologicalSorter

from pydantic import Field, model_validator

from onex.model.contract.base import ContractPart
from onex.model.duration import Duration
from onex.model.enums import EnumErrorAction


class ModelStepRetry(ContractPart):
    """How often the command of a step is sent before the step counts as failed."""

    max_attempts: int = Field(default=1, ge=1, le=100)
    """The first one included; a repetition has the same idempotency key."""


class ModelWorkflowStep(ContractPart):
    """Send ``command``, wait for ``result`` (or ``failure``), within ``timeout`` per attempt."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Also the name of the method that makes the command."""
    command: str
    """Message sent."""
    result: str
    """Message that says it is done."""
    failure: str | None = None
    """Message that says it failed."""
    depends_on: tuple[str, ...] = ()
    """Steps that must be done first."""
    timeout: Duration | None = None
    """None: only the timeout of the workflow applies."""
    retry: ModelStepRetry = ModelStepRetry()
    """What happens when no answer comes in time."""
    compensate: str | None = None
    """Command that undoes the step when a later one fails."""
    error_action: EnumErrorAction = EnumErrorAction.COMPENSATE
    """What a failure means for the run."""


class ModelWorkflow(ContractPart):
    """Steps form a graph by ``depends_on``; what does not depend runs side by side."""

    timeout: Duration = 300.0
    """Of a whole run; then it fails and is compensated."""
    steps: tuple[ModelWorkflowStep, ...] = Field(min_length=1)
    """In any order: ``depends_on`` makes the graph."""
    completed: str
    """Completion event of a run that went through."""
    failed: str
    """Completion event of one that did not."""
    progress: str | None = None
    """Event published when a step starts, ends or fails, in order, keyed by the workflow."""

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
        results = [name for step in self.steps for name in (step.result, step.failure) if name]
        problems += [
            f"{name} answers two steps; a result or failure belongs to one step"
            for name in sorted({r for r in results if results.count(r) > 1})
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self
