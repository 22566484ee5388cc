"""A cache in memory, with one call of the loader at a time for each key."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
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
_KINDS: dict[EnumEviction, type[Cache[Hashable, "Entry"]]] = {
    EnumEviction.LRU: LRUCache,
    EnumEviction.LFU: LFUCache,
    EnumEviction.FIFO: FIFOCache,
}


@dataclass(slots=True, eq=False)
class Entry:
    """A stored value."""

    value: object
    until: float
    """End of its lifetime, by the monotonic clock."""
    tags: frozenset[str]
    refresh_at: float = math.inf
    """When a request may renew it. Set by a capability that refreshes entries before they expire."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A value from its source, and how to store it."""

    value: object
    lifetime: float
    """Seconds."""
    tags: frozenset[str]
    refresh_after: float = math.inf
    """Seconds after which a request may renew it."""


@dataclass(slots=True, eq=False)
class Loading:
    """A call of a source."""

    tags: frozenset[str]
    gone_tags: set[str] = field(default_factory=set)
    """Tags that were forgotten since its start."""
    is_forgotten: bool = False
    """Whether the key was forgotten since its start. The value may be of the time before, so it is not stored."""
    result: "asyncio.Future[object] | None" = None

    def may_store(self, tags: frozenset[str]) -> bool:
        """Return whether the value is still true."""
        return not self.is_forgotten and self.gone_tags.isdisjoint(tags | self.tags)


Source = Callable[[Loading], Awaitable[Fetched]]
"""Returns a value that is not in memory."""


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
        self._loading: dict[str, Loading] = {}
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
        kept = frozenset(tags)

        async def source(_: Loading) -> Fetched:
            return Fetched(await loader(), self.lifetime(ttl), kept)

        return await self.fetch(key, model, source, kept)

    async def fetch(self, key: str, model: type[T], source: Source, tags: frozenset[str]) -> T:
        """Return the value from memory, or from ``source``: ``load`` for capabilities with further levels."""
        entry = self.fresh(key)
        if entry is not None:
            self._hits += 1
            return as_model(key, entry.value, model)
        loading = self._loading.get(key)
        if loading is None:
            self._misses += 1
            loading = self._loading[key] = Loading(tags)
            loading.result = asyncio.ensure_future(self._load(key, source, loading))
            loading.result.add_done_callback(partial(self._loaded, key, loading))
        else:
            self._shared += 1
        assert loading.result is not None
        # A cancelled caller stops waiting; the source continues for the other callers.
        return as_model(key, await asyncio.shield(loading.result), model)

    async def _load(self, key: str, source: Source, loading: Loading) -> object:
        try:
            fetched = await source(loading)
        except Exception as error:
            stale = self._entries.get(key)
            if stale is None or self._clock.monotonic() >= stale.until + self._settings.stale_if_error_seconds:
                raise
            self._stale += 1
            log.warning("returning an expired cache entry", key=key, error=safe_text(error))
            return stale.value
        if loading.may_store(fetched.tags):
            self.store(key, fetched)
        return fetched.value

    def _loaded(self, key: str, loading: Loading, done: "asyncio.Future[object]") -> None:
        if self._loading.get(key) is loading:
            del self._loading[key]
        if not done.cancelled():
            done.exception()  # without a waiting caller, asyncio would log that the exception was never retrieved

    @override
    def get(self, key: str, model: type[T]) -> T | None:
        entry = self.fresh(key)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        return as_model(key, entry.value, model)

    @override
    def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        self.store(key, Fetched(value, self.lifetime(ttl), frozenset(tags)))

    @property
    def is_enabled(self) -> bool:
        """Whether values are stored."""
        return self._settings.enabled

    def peek(self, key: str) -> Entry | None:
        """Return the entry of a key, also an expired one. Count nothing."""
        return self._entries.get(key)

    def lifetime(self, ttl: float | None) -> float:
        """Return the lifetime of a new entry in seconds, without its random part."""
        lifetime = self._settings.ttl_seconds if ttl is None else ttl
        return lifetime - self._uniform(0.0, self._settings.ttl_jitter * lifetime)

    def store(self, key: str, fetched: Fetched) -> None:
        """Store a value."""
        if self._settings.enabled:
            now = self._clock.monotonic()
            self._entries[key] = Entry(
                fetched.value, now + fetched.lifetime, fetched.tags, now + fetched.refresh_after
            )

    def fresh(self, key: str) -> Entry | None:
        """Return the entry of a key, unless it has expired. Count nothing."""
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
        self._entries[key] = Entry(value, math.inf, frozenset())
        return value

    @override
    def forget(self, key: str) -> bool:
        if (loading := self._loading.pop(key, None)) is not None:
            loading.is_forgotten = True
        return self._entries.pop(key, None) is not None

    @override
    def forget_tag(self, tag: str) -> int:
        for key, loading in list(self._loading.items()):
            loading.gone_tags.add(tag)
            if tag in loading.tags:
                del self._loading[key]
        tagged = [each for each, entry in self._entries.items() if tag in entry.tags]
        for each in tagged:
            del self._entries[each]
        return len(tagged)

    @override
    def clear(self) -> None:
        for loading in self._loading.values():
            loading.is_forgotten = True
        self._loading.clear()
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


def as_model(key: str, value: object, model: type[T]) -> T:
    """Return a cached value. Raise TypeError for one of another type; None is of every type."""
    if value is not None and not isinstance(value, model):
        raise TypeError(f"{key!r} is cached as {type(value).__name__}, requested as {model.__name__}")
    return cast(T, value)
