"""Follow generations, and count them by kind of node."""

from collections.abc import Iterable, Mapping

from node_codegen_metrics_reducer.v1_0_0.models import (
    CodegenMetrics,
    CodegenSnapshot,
    GenerationMeasured,
    GenerationProgressed,
)
from onex.mixins.metrics import MixinMetrics
from onex.node import Context, NodeReducer, Reduction

_MOST_NAMES = 100
"""Names that are counted each for itself. Names come in messages: further ones are counted as ``other``."""


class NodeCodegenMetricsReducer(MixinMetrics, NodeReducer[CodegenMetrics]):
    """Publish the end of a generation as GenerationMeasured, keyed by kind, and count it under that key.

    The state has exact counts. The metrics for the dashboard are those of one process: a batch that runs again after
    a failure counts again in them.
    """

    def follow(
        self, state: CodegenMetrics | None, event: GenerationProgressed, context: Context
    ) -> Reduction[CodegenMetrics]:
        current = state or CodegenMetrics()
        if context.transition_to == "started":
            self.metrics.increment("codegen_invocations")
        if context.transition_to not in ("completed", "failed"):
            return Reduction(current)
        ended = GenerationMeasured(
            kind=event.kind,
            outcome=context.transition_to,
            seconds=event.seconds,
            strategy=event.strategy,
            mixins=event.mixins,
            unfinished=event.unfinished,
            failed_step=event.failed_step,
        )
        return Reduction(current, intents=[ended])

    def count(
        self, state: CodegenMetrics | None, event: GenerationMeasured, context: Context
    ) -> Reduction[CodegenMetrics]:
        old = state or CodegenMetrics()
        has_failed = event.outcome == "failed"
        completed = old.completed + (event.outcome == "completed")
        failed = old.failed + has_failed
        new = CodegenMetrics(
            completed=completed,
            failed=failed,
            seconds=old.seconds + event.seconds,
            longest_seconds=max(old.longest_seconds, event.seconds),
            unfinished=old.unfinished + event.unfinished,
            strategies=_counted(old.strategies, [event.strategy] if event.strategy else []),
            mixins=_counted(old.mixins, event.mixins if not has_failed else ()),
            failures=_counted(old.failures, [event.failed_step or "unknown"] if has_failed else []),
        )
        self._measure(event)
        snapshot = CodegenSnapshot(
            kind=event.kind,
            completed=completed,
            failed=failed,
            success_rate=completed / (completed + failed),
            mean_seconds=new.seconds / (completed + failed),
            invocations=completed + failed,
            longest_seconds=new.longest_seconds,
            unfinished=new.unfinished,
            strategies=new.strategies,
            mixins=new.mixins,
            failures=new.failures,
        )
        return Reduction(new, intents=[snapshot])

    def _measure(self, event: GenerationMeasured) -> None:
        strategy = event.strategy or "none"
        self.metrics.increment("codegen_generations", kind=event.kind, outcome=event.outcome, strategy=strategy)
        self.metrics.histogram("codegen_seconds", event.seconds, kind=event.kind)
        self.metrics.increment("codegen_unfinished", event.unfinished, kind=event.kind)
        if event.outcome == "failed":
            self.metrics.increment("codegen_failures", step=event.failed_step or "unknown")
            return
        for mixin in event.mixins[:_MOST_NAMES]:
            self.metrics.increment("codegen_mixins", mixin=mixin)


def _counted(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """Return the counts with one more for each name."""
    new = dict(counts)
    for name in names:
        counted = name if name in new or len(new) < _MOST_NAMES else "other"
        new[counted] = new.get(counted, 0) + 1
    return new
