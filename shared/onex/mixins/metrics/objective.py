"""Service level objectives that a contract declares."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onex.capability.config_rules import require_ordered
from onex.capability.mixin import Misfit
from onex.mixins.metrics.declared import METRIC_NAME
from onex.model.enums import EnumNodeKind
from onex.util.latency import LATENCY_BOUNDS

_BOUNDS = ", ".join(f"{bound:g}" for bound in LATENCY_BOUNDS)


class EnumObjectiveKind(StrEnum):
    """What makes a message a good one."""

    AVAILABILITY = "availability"
    """It becomes no dead letter."""
    LATENCY = "latency"
    """It is handled within ``threshold_seconds``, with all attempts. For EFFECT nodes."""


class ModelObjective(BaseModel):
    """A share of good messages within a time, and how fast the rest may be used up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=METRIC_NAME, max_length=40)
    """Name of the objective, in its figures."""
    kind: EnumObjectiveKind
    """What makes a message a good one."""
    target: float = Field(gt=0, lt=1)
    """Least share of good messages: 0.999 for 99.9 %. The rest is the error budget."""
    threshold_seconds: float | None = None
    """Longest time in which a message is handled, for ``latency``: a bucket of ``onex_stage_seconds``."""
    window_seconds: float = Field(default=86_400, ge=60, le=2_592_000)
    """Time over which compliance and budget are measured. The process remembers it, so a restart begins again."""
    long_window_seconds: float = Field(default=3_600, ge=60, le=86_400)
    """Time of the long burn rate, which shows that a problem matters."""
    short_window_seconds: float = Field(default=300, ge=60, le=21_600)
    """Time of the short burn rate, which shows that a problem goes on."""
    min_messages: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Messages that burn rates assume where a window has fewer, so that one bad message of a quiet node is no alert.
    None: as many as have one bad message in their budget, 1000 for a target of 0.999."""

    @property
    def least_messages(self) -> float:
        """Messages that burn rates assume where a window has fewer."""
        return 1 / (1 - self.target) if self.min_messages is None else self.min_messages

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        match self.kind, self.threshold_seconds:
            case EnumObjectiveKind.AVAILABILITY, float():
                raise ValueError(f"{self.name}: threshold_seconds is for latency; remove it, or use kind: latency")
            case EnumObjectiveKind.LATENCY, None:
                raise ValueError(f"{self.name}: latency needs threshold_seconds, one of {_BOUNDS}")
            case EnumObjectiveKind.LATENCY, float() as seconds if seconds not in LATENCY_BOUNDS:
                words = f"{self.name}: threshold_seconds ({seconds:g}) is no bucket of onex_stage_seconds"
                raise ValueError(f"{words}; use one of {_BOUNDS}")
        short, long = self.short_window_seconds, self.long_window_seconds
        require_ordered("short_window_seconds", short, "long_window_seconds", long)
        require_ordered("long_window_seconds", long, "window_seconds", self.window_seconds)
        return self


def unfit_objectives(objectives: Iterable[ModelObjective], kind: EnumNodeKind) -> Iterator[Misfit]:
    """Yield the objectives that a node of this kind cannot have."""
    for index, objective in enumerate(objectives):
        if objective.kind is EnumObjectiveKind.LATENCY and kind is not EnumNodeKind.EFFECT:
            words = f"{objective.name}: the agent of a {kind} measures the time of batches, and not of messages"
            yield Misfit(("objectives", index, "kind"), words, "use availability, or set the objective in an EFFECT")
