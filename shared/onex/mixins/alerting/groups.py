"""Groups of alerts, and when each is notified: the rules of Alertmanager."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from onex.mixins.alerting.model_alerting_subcontract import ModelAlertingSubcontract
from onex.mixins.alerting.protocol_alerting import AlertFacts, Fingerprint
from onex.mixins.notification import EnumSeverity

GroupKey = tuple[str, ...]
_SEVERITIES = list(EnumSeverity)


@dataclass(slots=True)
class Group:
    """The alerts with the same values of ``group_by``."""

    next_flush: float
    """Monotonic time of the next decision."""
    told: set[Fingerprint] = field(default_factory=set)
    """Firing alerts of the latest notification."""
    told_at: float = 0.0
    resolved: dict[Fingerprint, AlertFacts] = field(default_factory=dict)
    """Alerts that were resolved since then."""


class Groups:
    """Decides which notifications are due."""

    def __init__(self, settings: ModelAlertingSubcontract) -> None:
        self._settings = settings
        self._groups: dict[GroupKey, Group] = {}

    def due(
        self, firing: Iterable[AlertFacts], resolved: Iterable[AlertFacts], now: float
    ) -> Iterator[tuple[GroupKey, Sequence[AlertFacts]]]:
        """Take the firing alerts and those that are resolved now. Yield each group that is to be notified."""
        shown = uninhibited(list(firing), self._settings.inhibit_equal)
        by_group: dict[GroupKey, dict[Fingerprint, AlertFacts]] = {}
        for alert in shown:
            by_group.setdefault(self._key(alert), {})[alert.fingerprint] = alert
        for key in by_group:
            self._groups.setdefault(key, Group(now + self._settings.group_wait_seconds))
        for alert in resolved:
            if (group := self._groups.get(self._key(alert))) is not None:
                group.resolved[alert.fingerprint] = alert
        for key, group in list(self._groups.items()):
            if now >= group.next_flush:
                yield from self._flush(key, group, by_group.get(key, {}), now)

    def _flush(
        self, key: GroupKey, group: Group, firing: Mapping[Fingerprint, AlertFacts], now: float
    ) -> Iterator[tuple[GroupKey, Sequence[AlertFacts]]]:
        group.next_flush = now + self._settings.group_interval_seconds
        ended = [alert for name, alert in group.resolved.items() if name in group.told and name not in firing]
        repeats = bool(firing) and now - group.told_at >= self._settings.repeat_interval_seconds
        group.resolved = {}
        if firing.keys() - group.told or ended or repeats:
            group.told, group.told_at = set(firing), now
            yield key, [*firing.values(), *ended]
        if not firing and not group.told:
            del self._groups[key]

    def _key(self, alert: AlertFacts) -> GroupKey:
        return tuple(alert.labels.get(name, "") for name in self._settings.group_by)


def uninhibited(alerts: Sequence[AlertFacts], equal: Sequence[str]) -> Sequence[AlertFacts]:
    """Return the alerts of the highest severity among those with the same values of these labels."""
    if not equal:
        return alerts
    highest: dict[GroupKey, int] = {}
    for alert in alerts:
        matter = tuple(alert.labels.get(name, "") for name in equal)
        highest[matter] = max(highest.get(matter, 0), _SEVERITIES.index(alert.severity))
    return [
        alert
        for alert in alerts
        if _SEVERITIES.index(alert.severity) == highest[tuple(alert.labels.get(name, "") for name in equal)]
    ]
