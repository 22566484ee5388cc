"""Follows generations and counts them per kind."""

from node_codegen_metrics_reducer.v1_0_0.models import (
    CodegenMetrics,
    CodegenSnapshot,
    GenerationMeasured,
    GenerationProgressed,
)
from onex.node import Context, NodeReducer, Reduction


class NodeCodegenMetricsReducer(NodeReducer[CodegenMetrics]):
    """The end of a generation comes back as GenerationMeasured, keyed by kind, and is counted there."""

    def follow(
        self, state: CodegenMetrics | None, event: GenerationProgressed, context: Context
    ) -> Reduction[CodegenMetrics]:
        followed = state or CodegenMetrics()
        if context.transition_to not in ("completed", "failed"):
            return Reduction(followed)
        ended = GenerationMeasured(kind=event.kind, outcome=context.transition_to, seconds=event.seconds)
        return Reduction(followed, intents=[ended])

    def count(
        self, state: CodegenMetrics | None, event: GenerationMeasured, context: Context
    ) -> Reduction[CodegenMetrics]:
        old = state or CodegenMetrics()
        completed = old.completed + (event.outcome == "completed")
        failed = old.failed + (event.outcome == "failed")
        new = CodegenMetrics(completed=completed, failed=failed, seconds=old.seconds + event.seconds)
        shown = CodegenSnapshot(
            kind=event.kind,
            completed=completed,
            failed=failed,
            success_rate=completed / (completed + failed),
            mean_seconds=new.seconds / (completed + failed),
        )
        return Reduction(new, intents=[shown])
