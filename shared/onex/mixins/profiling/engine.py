"""Measures calls, batches and sections; takes stacks by pyinstrument."""

import random
from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from pyinstrument import Profiler

from onex.capability import BatchFacts, Proceed
from onex.mixins.profiling.model_profiling_subcontract import ModelProfilingSubcontract
from onex.mixins.profiling.protocol_profiling import CallProfile, SectionFacts
from onex.model.context import Context
from onex.model.message import Message
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_NEVER = SectionFacts(0, 0.0, 0.0)


class ProfilingEngine:
    """See :class:`ProtocolProfiling`. ``tell`` hears of slow calls."""

    def __init__(
        self,
        settings: ModelProfilingSubcontract,
        clock: ProtocolClock,
        tell: Callable[[str, str], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._tell = tell
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
            took = self._clock.monotonic() - began
            stacks = ""
            if profiler is not None:
                profiler.stop()
                stacks = profiler.output_text(unicode=True)
            self._keep(CallProfile(took, type(message).__name__, context.key, stacks))

    def observed(self, batch: BatchFacts) -> None:
        """A batch of a pure node: its messages on average."""
        if not self._settings.enabled or not batch.count:
            return
        each = batch.seconds / batch.count
        if each > self._settings.slow_call_seconds:
            self._told("batch", f"{batch.count} messages took {each:.3g} s each")

    def _profiler(self) -> Profiler | None:
        if self._chance() >= self._settings.sample_share:
            return None
        profiler = Profiler(interval=self._settings.interval_seconds, async_mode="enabled")
        profiler.start()
        return profiler

    def _keep(self, call: CallProfile) -> None:
        insort(self._slowest, call, key=lambda kept: -kept.seconds)
        del self._slowest[self._settings.keep :]
        if call.seconds > self._settings.slow_call_seconds:
            self._told(call.message, f"key {call.key!r} took {call.seconds:.3g} s")

    def _told(self, subject: str, detail: str) -> None:
        self._slow += 1
        log.warning("slow", subject=subject, detail=detail)
        self._tell(subject, detail)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """See the protocol."""
        if not self._settings.enabled:
            yield
            return
        began = self._clock.monotonic()
        try:
            yield
        finally:
            took = self._clock.monotonic() - began
            so_far = self._sections.get(name, _NEVER)
            longest = max(so_far.longest, took)
            self._sections[name] = SectionFacts(so_far.count + 1, so_far.seconds + took, longest)

    def sections(self) -> Mapping[str, SectionFacts]:
        """See the protocol."""
        return dict(sorted(self._sections.items(), key=lambda item: -item[1].seconds))

    def slowest(self) -> Sequence[CallProfile]:
        """See the protocol."""
        return tuple(self._slowest)

    def reported_metrics(self) -> Mapping[str, float]:
        """Slow calls and batches, and the slowest call in seconds."""
        return {"slow": float(self._slow), "slowest": self._slowest[0].seconds if self._slowest else 0.0}
