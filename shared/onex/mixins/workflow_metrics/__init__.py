"""Metrics of workflows: durations, outcomes, retries and compensations of runs and steps."""

from onex.mixins.workflow_metrics.feature_workflow_metrics import FEATURE
from onex.mixins.workflow_metrics.model_workflow_metrics_subcontract import ModelWorkflowMetricsSubcontract

__all__ = ["FEATURE", "ModelWorkflowMetricsSubcontract"]
