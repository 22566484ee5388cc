"""Metrics: measurements by the handlers of a node, and its objectives."""

from onex.mixins.metrics.declared import EnumMetricType, ModelDeclaredMetric
from onex.mixins.metrics.mixin_metrics import MixinMetrics
from onex.mixins.metrics.model_metrics_subcontract import EnumMetricsBackend, ModelMetricsSubcontract
from onex.mixins.metrics.objective import EnumObjectiveKind, ModelObjective
from onex.mixins.metrics.protocol_metrics import ObjectiveFacts, ProtocolMetrics

__all__ = [
    "EnumMetricType",
    "EnumMetricsBackend",
    "EnumObjectiveKind",
    "MixinMetrics",
    "ModelDeclaredMetric",
    "ModelMetricsSubcontract",
    "ModelObjective",
    "ObjectiveFacts",
    "ProtocolMetrics",
]
