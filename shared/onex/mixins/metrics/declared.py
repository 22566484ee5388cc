"""Metrics that a contract declares."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

METRIC_NAME = r"^[a-z][a-z0-9_]*$"


class EnumMetricType(StrEnum):
    """Types of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    """Also what a timer measures."""


class ModelDeclaredMetric(BaseModel):
    """A metric with its panel on the dashboard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=METRIC_NAME, max_length=64)
    """Name in the node, without the prefix."""
    type: EnumMetricType
    """How it is measured: by ``increment``, by ``gauge``, or by ``histogram`` and ``timer``."""
    description: str = Field(default="", max_length=200)
    """Text of its panel."""
    unit: Literal["short", "s", "bytes"] = "short"
    """Unit of its panel."""
    labels: tuple[str, ...] = Field(default=(), max_length=8)
    """Names of its labels, which are in use with ``enable_detailed_metrics``."""

    def problem(self, used: EnumMetricType, labels: tuple[str, ...]) -> str:
        """Return why a use does not fit the declaration. Empty when it does."""
        if used is not self.type:
            return f"{self.name} is declared as a {self.type}, and used as a {used}"
        if set(labels) != set(self.labels):
            return f"{self.name} is declared with labels {', '.join(self.labels)}, and used with {', '.join(labels)}"
        return ""
