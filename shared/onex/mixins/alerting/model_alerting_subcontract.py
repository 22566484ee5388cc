"""Configuration of alerting."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.mixins.alerting.model_alert_rule import Label, ModelAlertRule
from onex.mixins.notification import ModelNotificationChannel
from onex.model.contract.version import ModelSemVer


class ModelAlertmanager(BaseModel):
    """An Alertmanager of Prometheus, which groups, silences and sends alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    """Name of the receiver in errors."""
    url: str = Field(pattern=r"^https?://[^\s@]+$", max_length=2_000)
    """Its address, without ``/api/v2``."""
    token: SecretStr = SecretStr("")
    """Bearer token. ``${VAR}`` reads it from the environment. Empty sends none."""


class ModelAlertingSubcontract(Subcontract):
    """Rules, their grouping, and the receivers of alerts."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    rules: tuple[ModelAlertRule, ...] = Field(default=(), max_length=100)
    """The rules."""
    interval_seconds: float = Field(default=15.0, ge=1, le=3_600)
    """Interval between two evaluations of all rules."""
    max_alerts: int = Field(default=1_000, ge=1, le=100_000)
    """Most alerts at a time. Further ones are counted as dropped."""
    alertmanagers: tuple[ModelAlertmanager, ...] = Field(default=(), max_length=8)
    """Alertmanagers. Each receives every alert, without the grouping below: it has its own."""
    channels: tuple[ModelNotificationChannel, ...] = Field(default=(), max_length=32)
    """Mail and chat. Each receives the alerts of its severity and above, in groups."""
    emit_alert_events: bool = True
    """Publish each alert that starts to fire or is resolved as an event of the mesh."""
    group_by: tuple[Label, ...] = Field(default=("alertname",), max_length=8)
    """Labels of a group. Alerts with the same values are one notification."""
    group_wait_seconds: float = Field(default=30.0, ge=0, le=3_600)
    """Time in which a new group collects alerts before its first notification."""
    group_interval_seconds: float = Field(default=300.0, ge=1, le=86_400)
    """Least time between two notifications of a group about changes."""
    repeat_interval_seconds: float = Field(default=14_400.0, ge=1, le=604_800)
    """Time after which a group that is still firing is notified again."""
    inhibit_equal: tuple[Label, ...] = Field(default=(), max_length=8)
    """Alerts with the same values of these labels are one matter: only those of its highest severity are notified.
    Empty notifies of all."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Time limit of one attempt on one receiver, and of one health check."""
    base_delay_seconds: float = Field(default=1.0, gt=0, le=60)
    """Delay before the second attempt. It doubles with each further one."""
    max_delay_seconds: float = Field(default=300.0, gt=0, le=3_600)
    """Longest delay. Attempts continue until one succeeds."""
    max_waiting: int = Field(default=1_000, ge=1, le=100_000)
    """Alerts that wait for one receiver. The oldest are dropped and counted."""

    @model_validator(mode="after")
    def _has_unique_names(self) -> Self:
        receivers = [each.name for each in self.alertmanagers] + [each.name for each in self.channels]
        for names in ([rule.name for rule in self.rules], receivers):
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{repeated[0]} is the name of two; use another name")
        return self
