"""Metrics: measurements by the handlers of a node."""

from onex.mixins.metrics.declared import EnumMetricType, ModelDeclaredMetric
from onex.mixins.metrics.mixin_metrics import MixinMetrics
from onex.mixins.metrics.model_metrics_subcontract import EnumMetricsBackend, ModelMetricsSubcontract
from onex.mixins.metrics.protocol_metrics import ProtocolMetrics

__all__ = [
    "EnumMetricType",
    "EnumMetricsBackend",
    "MixinMetrics",
    "ModelDeclaredMetric",
    "ModelMetricsSubcontract",
    "ProtocolMetrics",
]
