"""Panels of the metrics and objectives that contracts declare."""

from collections.abc import Iterable, Iterator, Sequence

from onex.codegen.panels import Panel
from onex.contract import ResolvedNode
from onex.mixins.metrics import (
    EnumMetricsBackend,
    EnumMetricType,
    EnumObjectiveKind,
    ModelDeclaredMetric,
    ModelMetricsSubcontract,
    ModelObjective,
)

_WINDOW = "[$__rate_interval]"


def panels_of_declared_metrics(nodes: Iterable[ResolvedNode]) -> Iterator[Panel]:
    """Yield the panels of the metrics and objectives that nodes declare, in the order of the contracts."""
    for node in nodes:
        match node.subcontracts.get(ModelMetricsSubcontract):
            case ModelMetricsSubcontract() as settings:
                yield from panels_of(node.contract.name, settings)
                yield from panels_of_objectives(node.contract.name, settings.objectives)


def panels_of(node: str, settings: ModelMetricsSubcontract) -> list[Panel]:
    """Return the panels of one node. Other backends than Prometheus have dashboards of their own."""
    if settings.metrics_backend is not EnumMetricsBackend.PROMETHEUS:
        return []
    return [_panel(node, metric, settings) for metric in settings.metrics]


def panels_of_objectives(node: str, objectives: Sequence[ModelObjective]) -> list[Panel]:
    """Return the panels of one node, over all its processes and their restarts."""
    if not objectives:
        return []
    budgets = [
        (f"1 - {_in_budgets(node, objective, objective.window_seconds)}", objective.name) for objective in objectives
    ]
    rates = [
        (_in_budgets(node, objective, seconds, objective.least_messages), f"{objective.name} {length}")
        for objective in objectives
        for length, seconds in (("long", objective.long_window_seconds), ("short", objective.short_window_seconds))
    ]
    return [
        (f"Error budget of {node}", "percentunit", "What is left in the window of each objective.", budgets),
        (f"Burn rate of {node}", "short", "1 uses the error budget up in exactly one window.", rates),
    ]


def _in_budgets(node: str, objective: ModelObjective, seconds: float, least: float = 0) -> str:
    """Return the share of bad messages within a time, of at least a number of messages, in error budgets."""
    window = f"[{seconds:.0f}s]"
    match objective.kind:
        case EnumObjectiveKind.AVAILABILITY:
            bad = f'sum(increase(onex_dead_letters_total{{node="{node}"}}{window}))'
            total = f'sum(increase(onex_messages_received_total{{node="{node}"}}{window}))'
        case EnumObjectiveKind.LATENCY:
            of_handlers = f'node="{node}",stage="process"'
            of_good = f'{of_handlers},le="{objective.threshold_seconds}"'
            good = f"sum(increase(onex_stage_seconds_bucket{{{of_good}}}{window}))"
            total = f"sum(increase(onex_stage_seconds_count{{{of_handlers}}}{window}))"
            bad = f"({total} - {good})"
    at_least = f"clamp_min({total}, {least:.10g})" if least else total
    return f"({bad} / {at_least}) / {1 - objective.target:.10g}"


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
