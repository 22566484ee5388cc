"""The numbers of messages that objectives compare, from the series that every agent has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from onex.mixins.metrics.objective import EnumObjectiveKind, ModelObjective

_SERIES = ("onex_messages_received_total", "onex_dead_letters_total", "onex_stage_seconds_bucket")


class Counted(NamedTuple):
    """Numbers of messages since the start of the process."""

    bad: float
    total: float


@dataclass(frozen=True, slots=True)
class AgentCounts:
    """The series of one agent at one time. Without an agent all numbers are 0."""

    received: float
    dead: float
    handled: Mapping[str, float]
    """Messages handled, by the upper bound of their time, as the label ``le`` has it."""

    def of(self, objective: ModelObjective) -> Counted:
        """Return the numbers for an objective."""
        match objective.kind:
            case EnumObjectiveKind.AVAILABILITY:
                return Counted(self.dead, self.received)
            case EnumObjectiveKind.LATENCY:  # pragma: no branch  # there is no other kind
                total = self.handled.get("+Inf", 0.0)
                return Counted(total - self.handled.get(str(objective.threshold_seconds), 0.0), total)


ReadCounts = Callable[[], AgentCounts]
"""Reads the series now."""


def read_counts(registry: CollectorRegistry, node: str) -> AgentCounts:
    """Read the three series and no others: a scrape of the whole registry asks every capability."""
    received = dead = 0.0
    handled: dict[str, float] = {}
    for family in registry.restricted_registry(_SERIES).collect():
        for sample in family.samples:
            match sample.name, sample.labels:
                case _, {"node": name} if name != node:
                    continue
                case "onex_messages_received_total", _:
                    received += sample.value
                case "onex_dead_letters_total", _:
                    dead += sample.value
                case _, {"stage": "process", "le": le}:
                    handled[le] = sample.value
    return AgentCounts(received, dead, handled)
