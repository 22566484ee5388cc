"""Performance monitoring: the ONEX name of objectives and error budgets."""

from onex.mixins.performance_monitoring.mixin_performance_monitoring import MixinPerformanceMonitoring
from onex.mixins.performance_monitoring.model_performance_monitoring_subcontract import (
    ModelPerformanceMonitoringSubcontract,
)

__all__ = ["MixinPerformanceMonitoring", "ModelPerformanceMonitoringSubcontract"]
