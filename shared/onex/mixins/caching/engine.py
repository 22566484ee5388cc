"""A cache in memory, with one call of the loader at a time for each key."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NoReturn, ParamSpec, TypeVar, cast

import structlog
from cachetools import Cache, FIFOCache, LFUCache, LRUCache
from typing_extensions import override

from onex.capability import ProtocolShrinkable
from onex.errors import CompositionError
from onex.mixins.caching.arguments import call_key
from onex.mixins.caching.model_caching_subcontract import EnumEviction, ModelCachingSubcontract
from onex.mixins.caching.protocol_caching import CacheFacts, ProtocolCaching
from onex.util.clock import ProtocolClock
from onex.util.error_text import safe_text

log = structlog.get_logger(__name__)
T = TypeVar("T")
P = ParamSpec("P")
_KINDS: dict[EnumEviction, type[Cache[Hashable, "_Entry"]]] = {
    EnumEviction.LRU: LRUCache,
    EnumEviction.LFU: LFUCache,
    EnumEviction.FIFO: FIFOCache,
}


@dataclass(frozen=True, slots=True)
class _Entry:
    value: object
    until: float
    tags: frozenset[str]


class CachingEngine(ProtocolCaching, ProtocolShrinkable):
    """A cachetools cache whose entries have an expiry time each. Belongs to one event loop."""

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
        self._loading: dict[str, asyncio.Future[object]] = {}
        self._hits = self._misses = self._stale = self._shared = 0

    @override
    async def load(
        self,
        key: str,
        model: type[T],
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
    ) -> T:
        entry = self._fresh(key)
        if entry is not None:
            self._hits += 1
            return _as(key, entry.value, model)
        loading = self._loading.get(key)
        if loading is None:
            self._misses += 1
            loading = asyncio.ensure_future(self._load(key, loader, ttl, tags))
            self._loading[key] = loading
            loading.add_done_callback(lambda done: self._loaded(key, done))
        else:
            self._shared += 1
        # A cancelled caller stops waiting; the loader continues for the other callers.
        return _as(key, await asyncio.shield(loading), model)

    async def _load(
        self, key: str, loader: Callable[[], Awaitable[object]], ttl: float | None, tags: Iterable[str]
    ) -> object:
        try:
            value = await loader()
        except Exception as error:
            stale = self._entries.get(key)
            if stale is None or self._clock.monotonic() >= stale.until + self._settings.stale_if_error_seconds:
                raise
            self._stale += 1
            log.warning("returning an expired cache entry", key=key, error=safe_text(error))
            return stale.value
        self.put(key, value, ttl=ttl, tags=tags)
        return value

    def _loaded(self, key: str, done: "asyncio.Future[object]") -> None:
        del self._loading[key]
        if not done.cancelled():
            done.exception()  # without a waiting caller, asyncio would log that the exception was never retrieved

    @override
    def get(self, key: str, model: type[T]) -> T | None:
        entry = self._fresh(key)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        return _as(key, entry.value, model)

    @override
    def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        if not self._settings.enabled:
            return
        lifetime = self._settings.ttl_seconds if ttl is None else ttl
        lifetime -= self._uniform(0.0, self._settings.ttl_jitter * lifetime)
        self._entries[key] = _Entry(value, self._clock.monotonic() + lifetime, frozenset(tags))

    def _fresh(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        return entry if entry is not None and self._clock.monotonic() < entry.until else None

    @override
    def remember(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        if not self._settings.enabled:
            return work(*arguments, **named)
        key = call_key(work, arguments, named)
        entry = self._entries.get(key)
        if entry is not None:
            self._hits += 1
            return cast(T, entry.value)
        self._misses += 1
        value = work(*arguments, **named)
        self._entries[key] = _Entry(value, math.inf, frozenset())
        return value

    @override
    def forget(self, key: str) -> bool:
        return self._entries.pop(key, None) is not None

    @override
    def forget_tag(self, tag: str) -> int:
        tagged = [key for key, entry in self._entries.items() if tag in entry.tags]
        for key in tagged:
            del self._entries[key]
        return len(tagged)

    @override
    def clear(self) -> None:
        self._entries.clear()

    @override
    def entry_count(self) -> int:
        return len(self._entries)

    @override
    def shrink(self, share: float) -> int:
        """Remove those entries first that a full cache would remove first, however fresh they are."""
        count = math.ceil(len(self._entries) * share)
        for _ in range(count):
            self._entries.popitem()
        return count

    @override
    def facts(self) -> CacheFacts:
        return CacheFacts(self._hits, self._misses, self._stale, self._shared, len(self._entries))

    def reported_metrics(self) -> Mapping[str, float]:
        """The values of ``facts``."""
        return {name: float(value) for name, value in asdict(self.facts()).items()}


class PureCachingEngine(CachingEngine):
    """The cache of a pure node: it has results of pure calls only.

    A value that one message stores and another one reads would be a state that no changelog has, and its lifetime
    would depend on the clock of the process.
    """

    @override
    def load(self, *_: object, **__: object) -> NoReturn:
        raise CompositionError(_NOT_PURE.format("load"))

    @override
    def get(self, *_: object, **__: object) -> NoReturn:
        raise CompositionError(_NOT_PURE.format("get"))

    @override
    def put(self, *_: object, **__: object) -> NoReturn:
        raise CompositionError(_NOT_PURE.format("put"))


_NOT_PURE = "cache.{} is for EFFECT nodes; use cache.remember(function, arguments) for results of pure calls"


def _as(key: str, value: object, model: type[T]) -> T:
    if value is not None and not isinstance(value, model):
        raise TypeError(f"{key!r} is cached as {type(value).__name__}, requested as {model.__name__}")
    return cast(T, value)
