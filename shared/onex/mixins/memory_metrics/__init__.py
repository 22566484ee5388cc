"""Memory metrics: the ONEX name of figures of memory."""

from onex.mixins.memory_metrics.mixin_memory_metrics import MixinMemoryMetrics
from onex.mixins.memory_metrics.model_memory_metrics_subcontract import ModelMemoryMetricsSubcontract

__all__ = ["MixinMemoryMetrics", "ModelMemoryMetricsSubcontract"]
