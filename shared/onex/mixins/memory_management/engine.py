"""Measures memory when the agent is about to read messages, shrinks caches, and stops the intake."""

import gc
import math
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from typing_extensions import override

from onex.capability import ProtocolShrinkable, Reports, Shrinkables
from onex.capability.health import ProtocolReadiness
from onex.errors import NodeUseError
from onex.mixins.memory_management.model_memory_management_subcontract import ModelMemoryManagementSubcontract
from onex.mixins.memory_management.protocol_memory_management import (
    MemoryFacts,
    MemoryUse,
    ProtocolMemoryManagement,
    ProtocolMemoryReader,
)
from onex.model.enums import EnumNodeKind
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_KEY: Final = "memory_management"
_SUBJECT: Final = "memory"
_MEBIBYTE: Final = 1024 * 1024


class MemoryManagementEngine(ProtocolMemoryManagement):
    """Works on the thread that owns the caches: the agent asks it before each batch, and while it reads none."""

    def __init__(
        self,
        settings: ModelMemoryManagementSubcontract,
        clock: ProtocolClock,
        reader: ProtocolMemoryReader,
        caches: Shrinkables,
        readiness: ProtocolReadiness,
        reports: Reports,
        free: Callable[[], None],
        kind: EnumNodeKind = EnumNodeKind.EFFECT,
        *,
        manages: bool = True,
    ) -> None:
        """``free`` returns freed memory to the system. Without ``manages`` the engine only measures."""
        self._settings = settings
        self._clock = clock
        self._reader = reader
        self._caches = caches
        self._readiness = readiness
        self._reports = reports
        self._free = free
        self._kind = kind
        self._manages = manages
        self._due = self._shrink_due = -math.inf
        self._paused_at: float | None = None
        self._pauses = self._shrinks = self._removed = 0
        self._paused_before = 0.0
        """Seconds of the pauses that have ended."""
        readiness.clear(_SUBJECT)  # of an earlier engine, before the clients of the agent were replaced

    # -- the intake ------------------------------------------------------------------------------

    def available(self, most: int) -> int:
        """Measure when it is time. Return ``most``, or 0 while the budget is used."""
        now = self._clock.monotonic()
        if self._manages and now >= self._due:
            self._due = now + self._settings.check_interval_seconds
            self._act(now)
        return most if self._paused_at is None else 0

    def took(self, count: int) -> None:
        """Ignore the number of messages: their bytes are measured."""

    def wait_seconds(self) -> float:
        """Return infinity while the budget is used: only freed memory ends that."""
        return 0.0 if self._paused_at is None else math.inf

    def _act(self, now: float) -> None:
        """Compare the use with the thresholds, once."""
        use, settings = self._use(self._reader.resident_bytes()), self._settings
        if use is None:
            return
        reaches_hard = use.share >= settings.hard_share and self._paused_at is None
        if reaches_hard or (now >= self._shrink_due and (self._paused_at is not None or self._is_soft(use))):
            self._shrink(now, 1.0 if reaches_hard or self._paused_at is not None else settings.shrink_share)
            use = self._use(self._reader.resident_bytes()) or use
        if self._paused_at is None and use.share >= settings.hard_share:
            self._pause(now, use)
        elif self._paused_at is not None and use.share < settings.resume_share:
            self._resume(now, use)

    def _is_soft(self, use: MemoryUse) -> bool:
        return use.share >= self._settings.soft_share

    def _shrink(self, now: float, share: float) -> None:
        removed = 0
        for name, cache in self._caches.all.items():
            try:
                removed += cache.shrink(share)
            except Exception:
                log.exception("a cache cannot shrink", cache=name)
        self._free()
        self._shrinks, self._removed = self._shrinks + 1, self._removed + removed
        self._shrink_due = now + self._settings.shrink_interval_seconds

    def _pause(self, now: float, use: MemoryUse) -> None:
        self._paused_at = now
        self._pauses += 1
        reason = f"{_text(use)}; messages are taken again below {self._settings.resume_share:.0%}"
        self._readiness.complain(_SUBJECT, reason)
        self._reports.report(_KEY, _SUBJECT, "paused", reason)
        log.error("takes no messages, because its memory is used", reason=reason)

    def _resume(self, now: float, use: MemoryUse) -> None:
        assert self._paused_at is not None
        self._paused_before += now - self._paused_at
        self._paused_at = None
        self._readiness.clear(_SUBJECT)
        self._reports.report(_KEY, _SUBJECT, "resumed", _text(use))
        log.warning("takes messages again", use=_text(use))

    def _use(self, resident_bytes: int) -> MemoryUse | None:
        """Return the budget of which the largest share is in use."""
        settings, uses = self._settings, list[MemoryUse]()
        if settings.budget_mb is not None:
            uses.append(MemoryUse(resident_bytes, settings.budget_mb * _MEBIBYTE))
        if settings.use_cgroup_limit and (group := self._reader.group_use()) is not None:
            uses.append(group)
        return max(uses, key=lambda use: use.share, default=None)

    # -- the node --------------------------------------------------------------------------------

    @override
    def register(self, name: str, cache: ProtocolShrinkable) -> None:
        self._caches.add(name, cache)

    @override
    def facts(self) -> MemoryFacts:
        if self._kind is not EnumNodeKind.EFFECT:
            raise NodeUseError(f"a {self._kind} is pure: its results must not depend on the memory of the process")
        return self._facts()

    def _facts(self) -> MemoryFacts:
        resident, paused_at = self._reader.resident_bytes(), self._paused_at
        return MemoryFacts(
            resident,
            self._use(resident),
            paused_at is not None,
            self._pauses,
            self._paused_before + (0.0 if paused_at is None else self._clock.monotonic() - paused_at),
            self._shrinks,
            self._removed,
        )

    def reported_metrics(self) -> Mapping[str, float]:
        """The values of ``facts``, and those that the settings add. A budget of 0 is none."""
        facts = self._facts()
        use = facts.use or MemoryUse(0, 0)
        figures = {
            "resident_bytes": float(facts.resident_bytes),
            "used_bytes": float(use.used_bytes),
            "budget_bytes": float(use.budget_bytes),
            "paused": float(facts.is_paused),
            "pauses": float(facts.pauses),
            "paused_seconds": facts.paused_seconds,
            "shrinks": float(facts.shrinks),
            "removed_entries": float(facts.removed_entries),
        }
        if self._settings.cache_figures:
            figures |= {f"entries_{name}": float(cache.entry_count()) for name, cache in self._caches.all.items()}
        if self._settings.collector_figures:
            generations = gc.get_stats()
            figures["collections"] = float(sum(each["collections"] for each in generations))
            figures["collected_objects"] = float(sum(each["collected"] for each in generations))
        return figures


def _text(use: MemoryUse) -> str:
    return f"{use.share:.0%} of {use.budget_bytes // _MEBIBYTE} MiB are in use"
