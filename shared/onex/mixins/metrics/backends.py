"""Selection of the metrics backend."""

from prometheus_client import CollectorRegistry

from onex.capability import NodeIdentity
from onex.mixins.metrics.backend import ProtocolMetricsBackend
from onex.mixins.metrics.model_metrics_subcontract import EnumMetricsBackend, ModelMetricsSubcontract


def backend_of(
    settings: ModelMetricsSubcontract, identity: NodeIdentity, registry: CollectorRegistry
) -> ProtocolMetricsBackend:
    """Return the backend of the subcontract. Only that one is imported."""
    match settings.metrics_backend:
        case EnumMetricsBackend.PROMETHEUS:
            from onex.mixins.metrics.prometheus import PrometheusBackend

            return PrometheusBackend(registry, identity.name)
        case EnumMetricsBackend.OPENTELEMETRY:
            from onex.mixins.metrics.opentelemetry import OpenTelemetryBackend

            return OpenTelemetryBackend(identity, settings.metrics_port, settings.aggregation_interval_ms)
        case EnumMetricsBackend.STATSD:  # pragma: no branch  # there is no other backend
            from onex.mixins.metrics.statsd import StatsdBackend

            return StatsdBackend(identity.name, settings.metrics_port, settings.aggregation_interval_ms)
