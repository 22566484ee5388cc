"""Evaluates rules at intervals and passes alerts to the receivers."""

import asyncio
from collections.abc import Mapping, Sequence

import httpx
import structlog
from prometheus_client import CollectorRegistry
from typing_extensions import override

from onex.capability import HealthCheck, HealthChecks, NodeIdentity, Reports
from onex.errors import TransientError
from onex.mixins.alerting.delivery import Delivery
from onex.mixins.alerting.groups import Groups
from onex.mixins.alerting.model_alerting_subcontract import ModelAlertingSubcontract
from onex.mixins.alerting.protocol_alerting import AlertFacts, EnumAlertState, ProtocolAlerting
from onex.mixins.alerting.receivers import RESEND_SECONDS, to_alertmanager, to_people
from onex.mixins.alerting.rule_state import RuleState
from onex.mixins.alerting.sources import EventCounts, Readings, RuleSource, health_of, metrics_of
from onex.mixins.notification import EnumSeverity
from onex.util.clock import ProtocolClock
from onex.util.error_text import error_text
from onex.util.tls import trusted

log = structlog.get_logger(__name__)
_NAME = "alerting"
_CLOSE_WITHIN = 5.0
"""Seconds for a last attempt on the receivers when the node stops."""
_SEVERITIES = list(EnumSeverity)


class AlertingEngine(ProtocolAlerting):
    """The rules of a node and their alerts. No handler waits for it."""

    def __init__(
        self,
        settings: ModelAlertingSubcontract,
        identity: NodeIdentity,
        clock: ProtocolClock,
        registry: CollectorRegistry,
        checks: HealthChecks,
        reports: Reports,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._clock = clock
        self._registry = registry
        self._checks = checks
        self._reports = reports
        labels = {"node": identity.name, "instance": identity.instance}
        self._rules = [(RuleState(rule, labels), RuleSource(rule)) for rule in settings.rules]
        self._events = EventCounts({rule.event for rule in settings.rules if rule.event}, reports)
        self._groups = Groups(settings)
        self._resent_at = clock.monotonic()
        self._without_data = self._failed_ticks = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._client = httpx.AsyncClient(verify=trusted())
        self._alertmanagers: list[Delivery] = []
        self._channels: list[tuple[int, Delivery]] = []
        self._connect()

    def _connect(self) -> None:
        settings, node = self._settings, self._identity.name
        self._alertmanagers = [
            Delivery(each.name, to_alertmanager(each, settings, self._client, self._clock), settings, self._report)
            for each in settings.alertmanagers
        ]
        self._channels = [
            (
                _SEVERITIES.index(each.least_severity),
                Delivery(each.name, to_people(each, settings, self._client, node), settings, self._report),
            )
            for each in settings.channels
        ]

    @property
    def _deliveries(self) -> list[Delivery]:
        return [*self._alertmanagers, *(delivery for _, delivery in self._channels)]

    async def open(self) -> None:
        """Start evaluations and deliveries, and add the health check ``alerting``."""
        self._checks.add(HealthCheck(_NAME, self.probe, critical=False))
        runs = [self._watch(), *(delivery.run() for delivery in self._deliveries)]
        self._tasks = [asyncio.create_task(run) for run in runs]

    async def close(self) -> None:
        """Stop, after one more attempt to deliver."""
        tasks, self._tasks = self._tasks, []
        if tasks:
            self._checks.remove(_NAME)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            drains = [asyncio.create_task(delivery.drain()) for delivery in self._deliveries if delivery.waiting]
            if drains:
                _, late = await asyncio.wait(drains, timeout=_CLOSE_WITHIN)
                for drain in late:
                    drain.cancel()
        await self._client.aclose()
        self._client = httpx.AsyncClient(verify=trusted())
        self._connect()

    async def probe(self) -> None:
        """Raise TransientError with the receivers that could not be reached."""
        if problems := [f"{each.name}: {each.problem}" for each in self._deliveries if each.problem]:
            raise TransientError("; ".join(problems))

    @override
    def event(self, name: str) -> None:
        self._events.add(name)

    @override
    def facts(self) -> Sequence[AlertFacts]:
        return [active.facts for state, _ in self._rules for active in state.active.values()]

    async def _watch(self) -> None:
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - a source that fails once must not end alerting
                self._failed_ticks += 1
                log.error("rules not evaluated", error=error_text(error))
            await asyncio.sleep(self._settings.interval_seconds)

    @override
    async def tick(self) -> None:
        readings = await self._read()
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        changed, without_data = list[AlertFacts](), 0
        for state, source in self._rules:
            values = source.values(readings, now)
            without_data += not values
            room = self._settings.max_alerts - sum(len(each.active) for each, _ in self._rules)
            changed += state.step(values, now, now_ms, room)
        self._without_data = without_data
        self._emit(changed)
        self._deliver(changed, now)

    async def _read(self) -> Readings:
        rules = self._settings.rules
        names = [rule.metric for rule in rules if rule.metric]
        checks = [rule.health for rule in rules if rule.health]
        metrics = await asyncio.to_thread(metrics_of, self._registry, names)
        health = await health_of(self._checks, checks, self._settings.timeout_seconds)
        return Readings(metrics, self._events.all(), health)

    def _emit(self, changed: Sequence[AlertFacts]) -> None:
        for alert in changed:
            log.warning("alert", alert=alert.name, state=str(alert.state), value=alert.value)
            if self._settings.emit_alert_events:
                texts = "; ".join(alert.annotations.values())
                self._reports.report(_NAME, alert.name, str(alert.state), texts or f"value {alert.value:.6g}")

    def _deliver(self, changed: Sequence[AlertFacts], now: float) -> None:
        firing = [alert for alert in self.facts() if alert.state is EnumAlertState.FIRING]
        resolved = [alert for alert in changed if alert.state is EnumAlertState.RESOLVED]
        again = now - self._resent_at >= RESEND_SECONDS
        if again:
            self._resent_at = now
        for delivery in self._alertmanagers:
            delivery.put((), [*(firing if again else ()), *changed])
        for key, alerts in self._groups.due(firing, resolved, now):
            for least, delivery in self._channels:
                delivery.put(key, [each for each in alerts if _SEVERITIES.index(each.severity) >= least])

    def _report(self, receiver: str, event: str, detail: str) -> None:
        self._reports.report(_NAME, receiver, event, detail)

    def reported_metrics(self) -> Mapping[str, float]:
        """Alerts by state, rules without data, and the deliveries of all receivers."""
        states = [alert.state for alert in self.facts()]
        deliveries = self._deliveries
        return {
            "firing": float(states.count(EnumAlertState.FIRING)),
            "pending": float(states.count(EnumAlertState.PENDING)),
            "without_data": float(self._without_data),
            "failed_ticks": float(self._failed_ticks),
            "alerts_dropped": float(sum(state.dropped for state, _ in self._rules)),
            "waiting": float(sum(each.waiting for each in deliveries)),
            "sent": float(sum(each.sent for each in deliveries)),
            "failed": float(sum(each.failures for each in deliveries)),
            "dropped": float(sum(each.dropped for each in deliveries)),
        }
