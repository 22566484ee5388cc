"""The feature of the agent that measures workflows."""

from collections.abc import Iterator

from onex.capability import define_feature
from onex.capability.feature import Refusal
from onex.mixins.workflow_metrics.model_workflow_metrics_subcontract import ModelWorkflowMetricsSubcontract
from onex.model.contract import ModelContract


def _check(_: ModelWorkflowMetricsSubcontract, contract: ModelContract) -> Iterator[Refusal]:
    if contract.workflow_coordination is None:
        yield Refusal(
            "",
            "the node declares no workflow whose runs the agent could measure",
            "declare its steps in workflow_coordination, or use MixinMetrics for metrics of its own",
        )


FEATURE = define_feature(__file__, ModelWorkflowMetricsSubcontract, _check)
"""Contracts name it ``MixinWorkflowMetrics`` or ``workflow_metrics``."""
