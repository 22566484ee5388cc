"""Rules of alerts."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from onex.mixins.notification import EnumSeverity

_PLACE = re.compile(r"\{([^{}]*)\}")
_FIELD = re.compile(r"value|labels\.[a-zA-Z_][a-zA-Z0-9_]*")
_MAX_TEXT = 1_000
OWN_LABELS = frozenset({"alertname", "instance", "node", "severity"})
"""Labels that every alert has. A rule cannot set them."""

Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=64)]
Text = Annotated[str, StringConstraints(max_length=_MAX_TEXT)]


class EnumAlertOperator(StrEnum):
    """How the value is compared with the threshold."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    DIFFERENT = "!="

    def holds(self, value: float, threshold: float) -> bool:
        """Return the result of the comparison. False for a value that is not a number."""
        match self:
            case EnumAlertOperator.ABOVE:
                return value > threshold
            case EnumAlertOperator.AT_LEAST:
                return value >= threshold
            case EnumAlertOperator.BELOW:
                return value < threshold
            case EnumAlertOperator.AT_MOST:
                return value <= threshold
            case EnumAlertOperator.EQUAL:
                return value == threshold
            case EnumAlertOperator.DIFFERENT:  # pragma: no branch  # there is no other operator
                return value != threshold and value == value  # NaN differs from itself


class EnumAlertCombination(StrEnum):
    """How several series become one value."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"

    def of(self, values: list[float]) -> float:
        """Return the value of the series, of which there is at least one."""
        match self:
            case EnumAlertCombination.SUM:
                return sum(values)
            case EnumAlertCombination.MAX:
                return max(values)
            case EnumAlertCombination.MIN:  # pragma: no branch  # there is no other combination
                return min(values)


class ModelAlertRule(BaseModel):
    """One condition. It has one source: a metric, an event or a health check."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=64)
    """Name of the alert, and the value of its label ``alertname``."""
    metric: str = Field(default="", pattern=r"^$|^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=200)
    """Source: a metric that ``/metrics`` of the agent shows, by its full name (``onex_dead_letters_total``)."""
    event: str = Field(default="", max_length=200)
    """Source: an event by name. Handlers count theirs with ``alerts.event``; those of capabilities are
    ``<capability>/<event>`` (``circuit_breaker/open``)."""
    health: str = Field(default="", max_length=64)
    """Source: a health check by name (``database``). Its value is 1 while the check succeeds, and 0 otherwise."""
    where: Mapping[Label, str] = Field(default_factory=dict, max_length=8)
    """Labels that series of the metric must have."""
    by: tuple[Label, ...] = Field(default=(), max_length=8)
    """Labels that separate alerts. Each set of their values has an alert of its own."""
    combine: EnumAlertCombination = EnumAlertCombination.SUM
    """How several series of one alert become one value."""
    within_seconds: float = Field(default=0.0, ge=0, le=86_400)
    """Compare the increase within this time. 0 compares the value itself. Events need it."""
    operator: EnumAlertOperator = EnumAlertOperator.ABOVE
    """How the value is compared with the threshold."""
    threshold: float = Field(default=0.0, allow_inf_nan=False)
    """The threshold."""
    for_seconds: float = Field(default=0.0, ge=0, le=604_800)
    """The alert fires when the condition has been true for this time."""
    severity: EnumSeverity = EnumSeverity.WARNING
    """Severity of the alert."""
    labels: Mapping[Label, Text] = Field(default_factory=dict, max_length=16)
    """Further labels of the alert."""
    annotations: Mapping[Label, Text] = Field(default_factory=dict, max_length=16)
    """Texts of the alert. ``{value}`` and ``{labels.x}`` are replaced."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if sum(map(bool, (self.metric, self.event, self.health))) != 1:
            raise ValueError(f"{self.name}: set one of metric, event and health")
        if not self.metric and (self.where or self.by):
            raise ValueError(f"{self.name}: where and by select series of a metric; remove them")
        if self.event and not self.within_seconds:
            raise ValueError(f"{self.name}: set within_seconds, the time in which events are counted")
        if self.health and self.within_seconds:
            raise ValueError(
                f"{self.name}: a health check has no increase; remove within_seconds, or use for_seconds"
            )
        if own := sorted(OWN_LABELS.intersection((*self.labels, *self.by))):
            raise ValueError(f"{self.name}: every alert has the label {own[0]}; remove it from labels and by")
        for text in self.annotations.values():
            _check(self.name, text)
        return self


def rendered(text: str, value: float, labels: Mapping[str, str]) -> str:
    """Return the text of an annotation with its places replaced, cut to 1000 characters."""

    def place(found: re.Match[str]) -> str:
        name = found[1]
        return f"{value:.6g}" if name == "value" else labels.get(name.removeprefix("labels."), "")

    return _PLACE.sub(place, text)[:_MAX_TEXT]


def _check(rule: str, text: str) -> None:
    """Raise ValueError for a place that is neither the value nor a label."""
    rest = _PLACE.sub("", text)
    unknown = [name for name in _PLACE.findall(text) if not _FIELD.fullmatch(name)]
    if unknown or "{" in rest or "}" in rest:
        wrong = f"{{{unknown[0]}}}" if unknown else "a single brace"
        raise ValueError(f"{rule}: annotations may contain {{value}} and {{labels.x}}, not {wrong}")
