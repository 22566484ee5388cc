"""Prometheus metrics of the runs and steps of a declared workflow, counted when their transaction is committed.

Label values are the node, ids of steps that contracts declare, and the outcomes of :mod:`onex.workflow.facts`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from onex.workflow.facts import (
    EnumRunOutcome,
    EnumUndoOutcome,
    Fact,
    RunEnded,
    RunStarted,
    StepEnded,
    StepRetried,
    StepUndone,
)


class WorkflowMetricsSettings(NamedTuple):
    """What the metrics of one workflow show."""

    steps: Sequence[str]
    """Ids of its steps. Empty: no metric has the label ``step``, and steps have no histogram."""
    buckets: Sequence[float]
    """Upper bounds of the buckets of both histograms, in seconds."""


class WorkflowMetrics:
    """Metrics of one node. Thread-safe."""

    def __init__(self, node: str, registry: CollectorRegistry, settings: WorkflowMetricsSettings) -> None:
        self._node = node
        self._steps = settings.steps
        of_step = ("node", "step") if settings.steps else ("node",)
        of_node, buckets = ("node",), [*settings.buckets]
        self._started = Counter("onex_workflow_runs_started", "Runs begun", of_node, registry=registry).labels(node)
        self._runs = Histogram(
            "onex_workflow_run_seconds", "Duration of runs", ("node", "outcome"), registry=registry, buckets=buckets
        )
        self._step_seconds: Histogram | None = None
        if settings.steps:
            self._step_seconds = Histogram(
                "onex_workflow_step_seconds",
                "Duration of steps, with all attempts",
                ("node", "step", "outcome"),
                registry=registry,
                buckets=buckets,
            )
        self._retries = Counter(
            "onex_workflow_step_retries", "Attempts of steps after the first", of_step, registry=registry
        )
        self._undone = Counter(
            "onex_workflow_compensations",
            "Compensations of steps that ended",
            (*of_step, "outcome"),
            registry=registry,
        )
        self.open_runs = Gauge(
            "onex_workflow_open_runs", "Runs of the assigned partitions that are not over", of_node, registry=registry
        ).labels(node)
        self._show_zeros()

    def _show_zeros(self) -> None:
        """Create the series that rates and alerts are made of: a rate needs the value before the first increase."""
        for run_outcome in EnumRunOutcome:
            self._runs.labels(self._node, run_outcome)
        for step in self._steps or ("",):
            self._retries.labels(*self._of(step))
            for undo_outcome in EnumUndoOutcome:
                self._undone.labels(*self._of(step), undo_outcome)

    def count(self, facts: Iterable[Fact]) -> None:
        """Count what a committed transaction changed."""
        for fact in facts:
            match fact:
                case RunStarted():
                    self._started.inc()
                case RunEnded(run_outcome, seconds):
                    self._runs.labels(self._node, run_outcome).observe(seconds)
                case StepEnded(step, step_outcome, step_seconds):
                    if self._step_seconds is not None and step_seconds is not None:
                        self._step_seconds.labels(self._node, step, step_outcome).observe(step_seconds)
                case StepRetried(step):
                    self._retries.labels(*self._of(step)).inc()
                case StepUndone(step, undo_outcome):
                    self._undone.labels(*self._of(step), undo_outcome).inc()

    def _of(self, step: str) -> tuple[str, ...]:
        return (self._node, step) if self._steps else (self._node,)
