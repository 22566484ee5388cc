"""The alerts of one rule: inactive, pending, firing, resolved."""

from collections.abc import Mapping
from dataclasses import dataclass

from onex.mixins.alerting.model_alert_rule import ModelAlertRule, rendered
from onex.mixins.alerting.protocol_alerting import AlertFacts, EnumAlertState

Key = tuple[str, ...]
"""Values of the labels in ``by``."""
_LABEL_LENGTH = 256


@dataclass(slots=True)
class Active:
    """An alert whose condition is true."""

    since: float
    """Monotonic time since when."""
    facts: AlertFacts


class RuleState:
    """The alerts of a rule whose condition is true."""

    def __init__(self, rule: ModelAlertRule, labels: Mapping[str, str]) -> None:
        """``labels`` are those of the node."""
        self.rule = rule
        self._labels = {**labels, "alertname": rule.name, "severity": str(rule.severity)}
        self.active: dict[Key, Active] = {}
        self.dropped = 0
        """Alerts for which there was no room."""

    def step(self, values: Mapping[Key, float], now: float, now_ms: int, room: int) -> list[AlertFacts]:
        """Take the current values. Return the alerts that begin to fire or are resolved now.

        A value that is missing makes the condition false. ``room`` is the number of new alerts that may begin.
        """
        changed = [self._resolved(key, now_ms) for key in list(self.active) if not self._holds(values.get(key))]
        for key, value in values.items():
            if not self._holds(value):
                continue
            if key not in self.active:
                if room <= 0:
                    self.dropped += 1
                    continue
                room -= 1
            if self._went_on(key, value, now, now_ms):
                changed.append(self.active[key].facts)
        return [facts for facts in changed if facts.state is not EnumAlertState.PENDING]

    def _holds(self, value: float | None) -> bool:
        return value is not None and self.rule.operator.holds(value, self.rule.threshold)

    def _resolved(self, key: Key, now_ms: int) -> AlertFacts:
        """End an alert. A pending one stays pending, because no receiver knows of it."""
        facts = self.active.pop(key).facts
        if facts.state is EnumAlertState.PENDING:
            return facts
        return AlertFacts(
            EnumAlertState.RESOLVED,
            facts.severity,
            facts.labels,
            facts.annotations,
            facts.value,
            facts.since_ms,
            now_ms,
        )

    def _went_on(self, key: Key, value: float, now: float, now_ms: int) -> bool:
        """Update or begin an alert. Return whether it begins to fire."""
        known = self.active.get(key)
        since, since_ms = (now, now_ms) if known is None else (known.since, known.facts.since_ms)
        fires = now - since >= self.rule.for_seconds
        state = EnumAlertState.FIRING if fires else EnumAlertState.PENDING
        own = {name: text[:_LABEL_LENGTH] for name, text in zip(self.rule.by, key, strict=True)}
        labels = {**own, **self.rule.labels, **self._labels}
        texts = {name: rendered(text, value, labels) for name, text in self.rule.annotations.items()}
        facts = AlertFacts(state, self.rule.severity, labels, texts, value, since_ms)
        self.active[key] = Active(since, facts)
        return fires and (known is None or known.facts.state is EnumAlertState.PENDING)
