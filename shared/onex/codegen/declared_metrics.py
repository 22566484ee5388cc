"""Panels of the metrics that contracts declare."""

from collections.abc import Iterable, Iterator

from onex.codegen.panels import Panel
from onex.contract import ResolvedNode
from onex.mixins.metrics import EnumMetricsBackend, EnumMetricType, ModelDeclaredMetric, ModelMetricsSubcontract

_WINDOW = "[$__rate_interval]"


def panels_of_declared_metrics(nodes: Iterable[ResolvedNode]) -> Iterator[Panel]:
    """Yield a panel for each metric that a node declares for Prometheus, in the order of the contracts."""
    for node in nodes:
        match node.subcontracts.get(ModelMetricsSubcontract):
            case ModelMetricsSubcontract() as settings:
                yield from panels_of(node.contract.name, settings)


def panels_of(node: str, settings: ModelMetricsSubcontract) -> list[Panel]:
    """Return the panels of one node. Other backends than Prometheus have dashboards of their own."""
    if settings.metrics_backend is not EnumMetricsBackend.PROMETHEUS:
        return []
    return [_panel(node, metric, settings) for metric in settings.metrics]


def _panel(node: str, metric: ModelDeclaredMetric, settings: ModelMetricsSubcontract) -> Panel:
    name = f"{settings.metrics_prefix}_{metric.name}"
    labels = metric.labels if settings.enable_detailed_metrics else ()
    legend = " ".join(f"{{{{{label}}}}}" for label in labels) or metric.name
    by = ", ".join(labels)
    of_node = f'{{node="{node}"}}'
    title = metric.name.replace("_", " ").capitalize()
    match metric.type:
        case EnumMetricType.COUNTER:
            query = f"sum by ({by}) (increase({name}_total{of_node}[1h]))"
            return title, metric.unit, f"{metric.description} In an hour.".strip(), [(query, legend)]
        case EnumMetricType.GAUGE:
            return title, metric.unit, metric.description, [(f"sum by ({by}) ({name}{of_node})", legend)]
        case EnumMetricType.HISTOGRAM:
            of_bucket = ", ".join((*labels, "le"))
            rate = f"sum by ({of_bucket}) (rate({name}_bucket{of_node}{_WINDOW}))"
            query = f"histogram_quantile(0.95, {rate})"
            return title, metric.unit, f"{metric.description} 95th percentile.".strip(), [(query, legend)]
