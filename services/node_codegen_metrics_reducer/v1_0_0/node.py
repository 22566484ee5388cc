"""Follow generations, and count them by kind of node."""

from node_codegen_metrics_reducer.v1_0_0.models import (
    CodegenMetrics,
    CodegenSnapshot,
    GenerationMeasured,
    GenerationProgressed,
)
from onex.node import Context, NodeReducer, Reduction


class NodeCodegenMetricsReducer(NodeReducer[CodegenMetrics]):
    """Publish the end of a generation as GenerationMeasured, keyed by kind, and count it under that key."""

    def follow(
        self, state: CodegenMetrics | None, event: GenerationProgressed, context: Context
    ) -> Reduction[CodegenMetrics]:
        current = state or CodegenMetrics()
        if context.transition_to not in ("completed", "failed"):
            return Reduction(current)
        ended = GenerationMeasured(kind=event.kind, outcome=context.transition_to, seconds=event.seconds)
        return Reduction(current, intents=[ended])

    def count(
        self, state: CodegenMetrics | None, event: GenerationMeasured, context: Context
    ) -> Reduction[CodegenMetrics]:
        old = state or CodegenMetrics()
        completed = old.completed + (event.outcome == "completed")
        failed = old.failed + (event.outcome == "failed")
        new = CodegenMetrics(completed=completed, failed=failed, seconds=old.seconds + event.seconds)
        snapshot = CodegenSnapshot(
            kind=event.kind,
            completed=completed,
            failed=failed,
            success_rate=completed / (completed + failed),
            mean_seconds=new.seconds / (completed + failed),
        )
        return Reduction(new, intents=[snapshot])
