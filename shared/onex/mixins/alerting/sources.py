"""The values that rules compare: metrics, events, health checks."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from onex.capability import HealthChecks, Reports
from onex.mixins.alerting.model_alert_rule import ModelAlertRule
from onex.mixins.alerting.rule_state import Key
from onex.mixins.counter_window import Window

_Series = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of a metric's series."""
_MAX_SERIES = 10_000
"""Series of one rule. More than this are too many to be watched."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The sources at one time."""

    metrics: Mapping[str, Sequence[tuple[Mapping[str, str], float]]]
    """Series by name of the metric."""
    events: Mapping[str, int]
    """Events since the start, by name."""
    health: Mapping[str, float]
    """1 for each check that succeeds, otherwise 0."""


def metrics_of(registry: CollectorRegistry, names: Iterable[str]) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    """Return the series of these metrics."""
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {name: [] for name in names}
    if found:
        for family in registry.collect():
            for sample in family.samples:
                if sample.name in found and len(found[sample.name]) < _MAX_SERIES:
                    found[sample.name].append((sample.labels, sample.value))
    return found


async def health_of(checks: HealthChecks, names: Iterable[str], limit: float) -> dict[str, float]:
    """Run the checks that exist, together, each with a limit in seconds."""
    asked = [check for name in dict.fromkeys(names) if (check := checks.all.get(name)) is not None]

    async def run(probe: asyncio.Future[object]) -> float:
        try:
            async with asyncio.timeout(limit):
                return float(await probe is not False)
        except Exception:  # noqa: BLE001 - every exception of a probe means that the check fails
            return 0.0

    results = await asyncio.gather(*(run(asyncio.ensure_future(check.probe())) for check in asked))
    return {check.name: result for check, result in zip(asked, results, strict=True)}


class EventCounts:
    """Counts of the events that rules name: those of handlers, and reports of capabilities."""

    def __init__(self, names: Iterable[str], reports: Reports) -> None:
        self._counts = dict.fromkeys(names, 0)
        self._reports = reports

    def add(self, name: str) -> None:
        """Count an event. Names of no rule are ignored."""
        if name in self._counts:
            self._counts[name] += 1

    def all(self) -> dict[str, int]:
        """Return the counts since the start, by name."""
        return {
            name: count + self._reports.counts.get((capability, event), 0)
            for name, count in self._counts.items()
            for capability, _, event in [name.partition("/")]
        }


class RuleSource:
    """The values of one rule."""

    def __init__(self, rule: ModelAlertRule) -> None:
        self._rule = rule
        self._windows: dict[_Series, Window] = {}
        self._has_run = False

    def values(self, readings: Readings, now: float) -> dict[Key, float]:
        """Return the value of each alert that the rule may have. Empty when its source has no data."""
        groups: dict[Key, list[float]] = {}
        for name, labels, value in self._series(readings):
            key = tuple(labels.get(each, "") for each in self._rule.by)
            seconds = self._rule.within_seconds
            groups.setdefault(key, []).append(
                self._increase((name, tuple(labels.items())), value, now) if seconds else value
            )
        self._has_run = True
        self._forget(now)
        return {key: self._rule.combine.of(values) for key, values in groups.items()}

    def _series(self, readings: Readings) -> Iterable[tuple[str, Mapping[str, str], float]]:
        rule = self._rule
        if rule.event:
            return [(rule.event, {}, float(readings.events[rule.event]))]
        if rule.health:
            return [(rule.health, {}, readings.health[rule.health])] if rule.health in readings.health else []
        return [
            (rule.metric, labels, value)
            for labels, value in readings.metrics[rule.metric]
            if all(labels.get(name, "") == wanted for name, wanted in rule.where.items())
        ]

    def _increase(self, series: _Series, value: float, now: float) -> float:
        window = self._windows.get(series)
        if window is None:  # a series that appears later began at 0
            begin = 0.0 if self._has_run or self._rule.event else value
            window = self._windows[series] = Window(self._rule.within_seconds, now, begin)
        return window.add(now, value)

    def _forget(self, now: float) -> None:
        """Remove the windows of series that are gone."""
        for series in [series for series, window in self._windows.items() if window.seen_at < now]:
            del self._windows[series]
