"""Regenerates a node from its contract: hand-written parts stay, generated ones follow the contract."""

from onex.util.extras import require_extra

require_extra("codegen")

from onex.codegen.regenerate.chart import chart
from onex.codegen.regenerate.diff import differences
from onex.codegen.regenerate.measure import Validate, compared, measured
from onex.codegen.regenerate.merge import Merge, merge, merged, regenerated
from onex.codegen.regenerate.metrics import (
    EnumGate,
    ModelNodeVersion,
    ModelProjectMetrics,
    ModelRegenerationMetrics,
    project_metrics,
)
from onex.codegen.regenerate.notes import EnumMergeNote, ModelMergeNote
from onex.codegen.regenerate.report import markdown

__all__ = [
    "EnumGate",
    "EnumMergeNote",
    "Merge",
    "ModelMergeNote",
    "ModelNodeVersion",
    "ModelProjectMetrics",
    "ModelRegenerationMetrics",
    "Validate",
    "chart",
    "compared",
    "differences",
    "markdown",
    "measured",
    "merge",
    "merged",
    "project_metrics",
    "regenerated",
]
