"""State and messages of the code-generation metrics."""

from node_codegen_orchestrator.v1_0_0.models import GenerationProgressed
from onex.node import Message

__all__ = ["CodegenMetrics", "CodegenSnapshot", "GenerationMeasured", "GenerationProgressed"]


class CodegenMetrics(Message):
    """State: of one generation (its FSM state), or of one kind of node (counts)."""

    status: str = "requested"
    completed: int = 0
    failed: int = 0
    seconds: float = 0.0


class GenerationMeasured(Message, key="kind"):
    """A generation has ended. It is counted under the kind of its node."""

    kind: str
    outcome: str
    seconds: float


class CodegenSnapshot(Message, key="kind"):
    """Counts, mean duration and success rate of all generations of a kind."""

    kind: str
    completed: int
    failed: int
    success_rate: float
    mean_seconds: float
