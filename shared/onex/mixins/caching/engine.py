"""A cache in memory, with one question at a time for each key."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar, cast

import structlog
from cachetools import Cache, FIFOCache, LFUCache, LRUCache

from onex.mixins.caching.model_caching_subcontract import EnumEviction, ModelCachingSubcontract
from onex.mixins.caching.protocol_caching import CacheFacts
from onex.model.error_text import safe_text
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
T = TypeVar("T")
_KINDS: dict[EnumEviction, type[Cache[str, "_Entry"]]] = {
    EnumEviction.LRU: LRUCache,
    EnumEviction.LFU: LFUCache,
    EnumEviction.FIFO: FIFOCache,
}


@dataclass(frozen=True, slots=True)
class _Entry:
    value: object
    until: float
    tags: frozenset[str]


class CachingEngine:
    """See :class:`ProtocolCaching`. Belongs to one event loop."""

    def __init__(
        self,
        settings: ModelCachingSubcontract,
        clock: ProtocolClock,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._uniform = uniform
        self._entries = _KINDS[settings.eviction](settings.max_entries)
        self._asking: dict[str, asyncio.Future[object]] = {}
        self._hits = self._misses = self._stale = self._shared = 0

    async def load(
        self,
        key: str,
        model: type[T],
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
    ) -> T:
        """See the protocol."""
        entry = self._fresh(key)
        if entry is not None:
            self._hits += 1
            return _as(key, entry.value, model)
        asking = self._asking.get(key)
        if asking is None:
            self._misses += 1
            asking = asyncio.ensure_future(self._ask(key, loader, ttl, tags))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._asked(key, done))
        else:
            self._shared += 1
        # Who is cancelled gives up waiting; the question goes on for the others.
        return _as(key, await asyncio.shield(asking), model)

    async def _ask(
        self, key: str, loader: Callable[[], Awaitable[object]], ttl: float | None, tags: Iterable[str]
    ) -> object:
        try:
            value = await loader()
        except Exception as error:
            old = self._entries.get(key)
            if old is None or self._clock.monotonic() >= old.until + self._settings.stale_if_error_seconds:
                raise
            self._stale += 1
            log.warning("a cached value is given after its time", key=key, error=safe_text(error))
            return old.value
        self.put(key, value, ttl=ttl, tags=tags)
        return value

    def _asked(self, key: str, done: "asyncio.Future[object]") -> None:
        del self._asking[key]
        if not done.cancelled():
            done.exception()  # whoever still waits gets it; without this the loop complains where nobody does

    def get(self, key: str, model: type[T]) -> T | None:
        """See the protocol."""
        entry = self._fresh(key)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        return _as(key, entry.value, model)

    def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """See the protocol."""
        if not self._settings.enabled:
            return
        lasts = self._settings.ttl_seconds if ttl is None else ttl
        lasts -= self._uniform(0.0, self._settings.ttl_jitter * lasts)
        self._entries[key] = _Entry(value, self._clock.monotonic() + lasts, frozenset(tags))

    def _fresh(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        return entry if entry is not None and self._clock.monotonic() < entry.until else None

    def forget(self, key: str) -> bool:
        """See the protocol."""
        return self._entries.pop(key, None) is not None

    def forget_tag(self, tag: str) -> int:
        """See the protocol."""
        gone = [key for key, entry in self._entries.items() if tag in entry.tags]
        for key in gone:
            del self._entries[key]
        return len(gone)

    def clear(self) -> None:
        """See the protocol."""
        self._entries.clear()

    def facts(self) -> CacheFacts:
        """See the protocol."""
        return CacheFacts(self._hits, self._misses, self._stale, self._shared, len(self._entries))

    def reported_metrics(self) -> Mapping[str, float]:
        """The same, for operators."""
        return {name: float(value) for name, value in asdict(self.facts()).items()}


def _as(key: str, value: object, model: type[T]) -> T:
    if value is not None and not isinstance(value, model):
        raise TypeError(f"{key!r} is cached as {type(value).__name__}, asked for as {model.__name__}")
    return cast(T, value)
