"""State and messages of the code-generation metrics."""

from pydantic import Field

from node_codegen_orchestrator.v1_0_0.models import GenerationProgressed
from onex.node import Message

__all__ = ["CodegenMetrics", "CodegenSnapshot", "GenerationMeasured", "GenerationProgressed"]


class CodegenMetrics(Message):
    """State: of one generation (its FSM state), or of one kind of node (counts)."""

    status: str = "requested"
    completed: int = 0
    failed: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    unfinished: int = 0
    strategies: dict[str, int] = Field(default_factory=dict)
    mixins: dict[str, int] = Field(default_factory=dict)
    failures: dict[str, int] = Field(default_factory=dict)


class GenerationMeasured(Message, key="kind"):
    """A generation has ended. It is counted under the kind of its node."""

    kind: str
    outcome: str
    seconds: float
    strategy: str = ""
    mixins: tuple[str, ...] = ()
    unfinished: int = 0
    failed_step: str = ""


class CodegenSnapshot(Message, key="kind"):
    """Counts, durations and success rate of all generations of a kind."""

    kind: str
    completed: int
    failed: int
    success_rate: float
    mean_seconds: float
    invocations: int = 0
    longest_seconds: float = 0.0
    unfinished: int = 0
    """Handlers that were left to write by hand."""
    strategies: dict[str, int] = Field(default_factory=dict)
    """Generations by strategy."""
    mixins: dict[str, int] = Field(default_factory=dict)
    """Generated nodes by capability."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Generations that failed, by step; ``tests`` by stage, as ``tests.validate``."""
