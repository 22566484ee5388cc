"""Measures objectives at intervals: compliance, the error budget that is left, and how fast it is used."""

import asyncio
from collections.abc import Mapping, Sequence

from onex.mixins.counter_window import Window
from onex.mixins.metrics.agent_counts import Counted, ReadCounts
from onex.mixins.metrics.objective import ModelObjective
from onex.mixins.metrics.protocol_metrics import ObjectiveFacts
from onex.util.clock import ProtocolClock

_READS = 60
"""Number of times that the shortest window is read within its length."""


class _Share:
    """The numbers of messages within one window."""

    def __init__(self, seconds: float, now: float, counted: Counted) -> None:
        self._bad = Window(seconds, now, counted.bad)
        self._total = Window(seconds, now, counted.total)

    def add(self, now: float, counted: Counted) -> Counted:
        """Return the increase. A message may become a dead letter in a later window than that of its arrival."""
        bad = self._bad.add(now, counted.bad)
        return Counted(bad, max(bad, self._total.add(now, counted.total)))


class _Watched:
    """One objective and its three windows."""

    def __init__(self, objective: ModelObjective, now: float, counted: Counted) -> None:
        self._objective = objective
        self._began = now
        self._whole = _Share(objective.window_seconds, now, counted)
        self._long = _Share(objective.long_window_seconds, now, counted)
        self._short = _Share(objective.short_window_seconds, now, counted)

    def read(self, now: float, counted: Counted) -> ObjectiveFacts:
        """Take the current numbers."""
        objective, whole = self._objective, self._whole.add(now, counted)
        return ObjectiveFacts(
            objective.name,
            objective.target,
            round(whole.total),
            round(whole.bad),
            1 - _bad_share(whole),
            1 - self._in_budgets(_bad_share(whole)),
            self._burn(self._short.add(now, counted)),
            self._burn(self._long.add(now, counted)),
            min(1.0, (now - self._began) / objective.window_seconds),
        )

    def _burn(self, counted: Counted) -> float:
        """Return the burn rate, for at least the messages that the objective assumes."""
        return self._in_budgets(counted.bad / max(counted.total, self._objective.least_messages))

    def _in_budgets(self, share: float) -> float:
        return share / (1 - self._objective.target)


def _bad_share(counted: Counted) -> float:
    """Return the share of bad messages: 0 when there are no messages."""
    return counted.bad / counted.total if counted.total else 0.0


class ObjectiveMonitor:
    """The objectives of a node. It lives on the event loop of the capabilities; any thread may read ``facts``."""

    def __init__(self, objectives: Sequence[ModelObjective], read: ReadCounts, clock: ProtocolClock) -> None:
        self._objectives = objectives
        self._read = read
        self._clock = clock
        self._watched: list[_Watched] = []
        self._task: asyncio.Task[None] | None = None
        self.facts: tuple[ObjectiveFacts, ...] = ()
        """The latest facts, in the order of the contract. Empty until the node has started."""

    def open(self) -> None:
        """Start to measure: messages from now on count."""
        if self._objectives:
            counts, now = self._read(), self._clock.monotonic()
            self._watched = [_Watched(each, now, counts.of(each)) for each in self._objectives]
            self.measure()
            self._task = asyncio.create_task(self._measure_at_intervals())

    async def close(self) -> None:
        """Stop. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _measure_at_intervals(self) -> None:
        interval = min(each.short_window_seconds for each in self._objectives) / _READS
        while True:
            await asyncio.sleep(interval)
            self.measure()

    def measure(self) -> None:
        """Measure now. It does so at intervals after ``open``."""
        counts, now = self._read(), self._clock.monotonic()
        pairs = zip(self._objectives, self._watched, strict=True)
        self.facts = tuple(watched.read(now, counts.of(objective)) for objective, watched in pairs)

    def figures(self) -> Mapping[str, float]:
        """Return the figures of all objectives, as :class:`onex.mixins.metrics.ObjectiveFacts` describes them."""
        return {
            f"objective_{facts.name}_{name}": value
            for facts in self.facts
            for name, value in (
                ("compliance", facts.compliance),
                ("budget_remaining", facts.budget_remaining),
                ("burn_rate", facts.burn_rate),
                ("burn_rate_short", facts.burn_rate_short),
                ("burn_rate_long", facts.burn_rate_long),
                ("window_covered", facts.window_covered),
            )
        }
