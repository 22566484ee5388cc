"""Measures calls, batches and sections. Samples stacks with pyinstrument."""

import random
from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from pyinstrument import Profiler
from typing_extensions import override

from onex.capability import BatchFacts, Proceed
from onex.mixins.profiling.model_profiling_subcontract import ModelProfilingSubcontract
from onex.mixins.profiling.protocol_profiling import CallProfile, ProtocolProfiling, SectionFacts
from onex.model.context import Context
from onex.model.message import Message
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_NO_RUNS = SectionFacts(0, 0.0, 0.0)


class ProfilingEngine(ProtocolProfiling):
    """Measures each call of a handler. Calls ``report`` with each slow one: subject, detail."""

    def __init__(
        self,
        settings: ModelProfilingSubcontract,
        clock: ProtocolClock,
        report: Callable[[str, str], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._report = report
        self._chance = chance
        self._slowest: list[CallProfile] = []
        self._sections: dict[str, SectionFacts] = {}
        self._slow = 0

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Measure a call of the handler."""
        if not self._settings.enabled:
            return await proceed(message, context)
        profiler = self._profiler()
        began = self._clock.monotonic()
        try:
            return await proceed(message, context)
        finally:
            seconds = self._clock.monotonic() - began
            stacks = ""
            if profiler is not None:
                profiler.stop()
                stacks = profiler.output_text(unicode=True)
            self._add(CallProfile(seconds, type(message).__name__, context.key, stacks))

    def observed(self, batch: BatchFacts) -> None:
        """Measure a batch of a pure node, by the average time of its messages."""
        if not self._settings.enabled or not batch.count:
            return
        average = batch.seconds / batch.count
        if average > self._settings.slow_call_seconds:
            self._report_slow("batch", f"{batch.count} messages took {average:.3g} s each")

    def _profiler(self) -> Profiler | None:
        if self._chance() >= self._settings.sample_share:
            return None
        profiler = Profiler(interval=self._settings.interval_seconds, async_mode="enabled")
        profiler.start()
        return profiler

    def _add(self, call: CallProfile) -> None:
        insort(self._slowest, call, key=lambda profile: -profile.seconds)
        del self._slowest[self._settings.keep :]
        if call.seconds > self._settings.slow_call_seconds:
            self._report_slow(call.message, f"key {call.key!r} took {call.seconds:.3g} s")

    def _report_slow(self, subject: str, detail: str) -> None:
        self._slow += 1
        log.warning("slow", subject=subject, detail=detail)
        self._report(subject, detail)

    @override
    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        if not self._settings.enabled:
            yield
            return
        began = self._clock.monotonic()
        try:
            yield
        finally:
            seconds = self._clock.monotonic() - began
            facts = self._sections.get(name, _NO_RUNS)
            longest = max(facts.longest, seconds)
            self._sections[name] = SectionFacts(facts.count + 1, facts.seconds + seconds, longest)

    @override
    def sections(self) -> Mapping[str, SectionFacts]:
        return dict(sorted(self._sections.items(), key=lambda item: -item[1].seconds))

    @override
    def slowest(self) -> Sequence[CallProfile]:
        return tuple(self._slowest)

    def reported_metrics(self) -> Mapping[str, float]:
        """Number of slow calls and batches, and duration of the slowest call in seconds."""
        return {"slow": float(self._slow), "slowest": self._slowest[0].seconds if self._slowest else 0.0}
