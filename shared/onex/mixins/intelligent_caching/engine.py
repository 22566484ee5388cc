"""Two levels: the memory of the process, and a server. Values are renewed before they expire."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Final, TypeVar
from uuid import uuid4

import structlog
from typing_extensions import override

from onex.capability import SharedResources
from onex.errors import TransientError
from onex.mixins.caching.engine import CachingEngine, Entry, Fetched, Loading, as_model
from onex.mixins.intelligent_caching.invalidation import Gone, Invalidation
from onex.mixins.intelligent_caching.model_intelligent_caching_subcontract import ModelIntelligentCachingSubcontract
from onex.mixins.intelligent_caching.names import Namespace, short, short_all
from onex.mixins.intelligent_caching.protocol_intelligent_caching import (
    IntelligentCacheFacts,
    ProtocolIntelligentCaching,
)
from onex.mixins.intelligent_caching.second_level import SecondLevel
from onex.mixins.intelligent_caching.server import ServerKey, connected, disconnected
from onex.mixins.intelligent_caching.stored import Stored
from onex.mixins.intelligent_caching.url import address_of
from onex.util.clock import ProtocolClock
from onex.util.error_text import safe_text

log = structlog.get_logger(__name__)
T = TypeVar("T")
Loader = Callable[[], Awaitable[object]]
_POLL: Final = 0.05
"""Seconds between two looks at a value that another instance loads."""


class IntelligentCachingEngine(ProtocolIntelligentCaching):
    """Belongs to one event loop."""

    def __init__(
        self,
        settings: ModelIntelligentCachingSubcontract,
        first: CachingEngine,
        second: SecondLevel,
        invalidation: Invalidation,
        namespace: Namespace,
        clock: ProtocolClock,
        resources: SharedResources,
    ) -> None:
        self._settings = settings
        self._first = first
        self._second = second
        self._invalidation = invalidation
        self._names = namespace
        self._clock = clock
        self._resources = resources
        self._key: ServerKey | None = None
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._hits_first = self._hits_second = self._misses = 0
        self._refreshes = self._failed_refreshes = self._invalidations = 0

    async def open(self) -> None:
        """Follow the topics. The server is asked with the first use: a node starts without it.

        Raise TransientError when the topics cannot be read yet, and CompositionError for a rule that names a message
        or a field that does not exist.
        """
        settings = self._settings
        if (url := settings.url.get_secret_value()) and self._first.is_enabled:
            key = ServerKey(address_of(url), settings.tls_ca_file, settings.max_connections, settings.timeout_seconds)
            server = await self._resources.get(key, partial(connected, key), disconnected)
            self._key = key
            self._second.use(server)
        await self._invalidation.open(self._remove_soon)

    async def close(self) -> None:
        """Stop renewing and following, and release the client."""
        await self._invalidation.close()
        tasks = list(self._refreshing.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._second.close()
        key, self._key = self._key, None
        if key is not None:
            await self._resources.release(key)

    async def probe(self) -> None:
        """Raise TransientError with the reason when the server is not used, or invalidations do not arrive."""
        problem = await self._second.check()
        problems = [f"the second level is not used: {problem}"] if problem else []
        if self._invalidation.problem:
            problems.append(self._invalidation.problem)
        if problems:
            raise TransientError("; ".join(problems))

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
        name, kept = short(key), short_all(tags)
        entry = self._first.fresh(name)
        if entry is not None:
            self._hits_first += 1
            if self._clock.monotonic() >= entry.refresh_at:
                self._refresh_soon(name, entry, model, partial(self._refresh, loader=loader, ttl=ttl, tags=kept))

        async def source(loading: Loading) -> Fetched:
            return await self._fetch(name, model, loader, ttl, kept, loading)

        return await self._first.fetch(name, model, source, kept)

    async def _fetch(
        self, name: str, model: type, loader: Loader, ttl: float | None, tags: frozenset[str], loading: Loading
    ) -> Fetched:
        """Return the value from the server, or from the loader."""
        if (running := self._refreshing.get(name)) is not None:
            await asyncio.wait([running])
            if (renewed := self._first.fresh(name)) is not None:
                now = self._clock.monotonic()
                return Fetched(renewed.value, renewed.until - now, renewed.tags, renewed.refresh_at - now)
        lock, token = self._names.loading(name), uuid4().hex
        until = self._clock.monotonic() + self._settings.lock_seconds
        while True:
            if (stored := await self._second.get(name, model)) is not None:
                self._hits_second += 1
                return self._fetched(stored)
            has_lock = await self._second.lock(lock, token)
            if has_lock is not False or self._clock.monotonic() >= until:
                break
            await asyncio.sleep(_POLL)
        try:
            self._misses += 1
            fetched = self._new(await loader(), ttl, tags)
            await self._publish(name, model, fetched, lambda: loading.may_store(tags))
            return fetched
        finally:
            if has_lock:
                await self._second.unlock(lock, token)

    def _new(self, value: object, ttl: float | None, tags: frozenset[str]) -> Fetched:
        lifetime = self._first.lifetime(ttl)
        return Fetched(value, lifetime, tags, self._refresh_after(lifetime, lifetime))

    def _fetched(self, stored: Stored) -> Fetched:
        header = stored.header
        left = min(header.until_ms - self._clock.now_ms(), header.lifetime_ms) / 1000
        return Fetched(
            stored.value, left, frozenset(header.tags), self._refresh_after(left, header.lifetime_ms / 1000)
        )

    def _refresh_after(self, left: float, lifetime: float) -> float:
        ahead = self._settings.refresh_ahead
        return left - ahead * lifetime if ahead else math.inf

    async def _publish(self, name: str, model: type, fetched: Fetched, is_true: Callable[[], bool]) -> None:
        """Store a value on the server, unless it was invalidated since it was asked for."""
        if not (self._first.is_enabled and is_true()):
            return
        await self._second.put(name, model, fetched)
        if not is_true():
            self._second.remove([name])
            await self._second.settle()

    def _refresh_soon(
        self, name: str, entry: Entry, model: type, refresh: Callable[[str, Entry, type], Awaitable[None]]
    ) -> None:
        if name in self._refreshing or len(self._refreshing) >= self._settings.max_refreshes:
            return

        async def run() -> None:
            try:
                await refresh(name, entry, model)
            finally:
                del self._refreshing[name]

        self._refreshing[name] = asyncio.create_task(run())

    async def _refresh(
        self, name: str, entry: Entry, model: type, *, loader: Loader, ttl: float | None, tags: frozenset[str]
    ) -> None:
        """Replace an entry by one that lives longer: from the server, or from the loader."""
        stored = await self._second.get(name, model)
        if stored is not None and self._fetched(stored).refresh_after > 0:
            if self._first.peek(name) is entry:
                self._first.store(name, self._fetched(stored))
            return
        lock, token = self._names.refreshing(name), uuid4().hex
        has_lock = await self._second.lock(lock, token)
        if has_lock is False:
            entry.refresh_at = self._clock.monotonic() + self._settings.refresh_retry_seconds
            return
        try:
            value: object = as_model(name, await loader(), model)
        except Exception as error:  # noqa: BLE001 - the old value stays until its limit
            # The lock stays, too, so that the instances try one after the other.
            self._failed_refreshes += 1
            entry.refresh_at = self._clock.monotonic() + self._settings.refresh_retry_seconds
            log.warning("a cache entry could not be renewed", key=name, error=safe_text(error))
            return
        self._refreshes += 1
        if self._first.peek(name) is entry:
            fetched = self._new(value, ttl, tags)
            self._first.store(name, fetched)
            renewed = self._first.peek(name)
            await self._publish(name, model, fetched, lambda: self._first.peek(name) is renewed)
        if has_lock:
            await self._second.unlock(lock, token)

    @override
    async def get(self, key: str, model: type[T]) -> T | None:
        name = short(key)
        if (entry := self._first.fresh(name)) is not None:
            self._hits_first += 1
            return as_model(name, entry.value, model)
        before = self._invalidations
        stored = await self._second.get(name, model)
        if stored is None:
            return None
        self._hits_second += 1
        if self._invalidations == before:
            self._first.store(name, self._fetched(stored))
        return as_model(name, stored.value, model)

    @override
    async def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        name, fetched = short(key), self._new(value, ttl, short_all(tags))
        self._first.forget(name)  # a loader that runs would replace it by an older value
        self._first.store(name, fetched)
        stored = self._first.peek(name)
        await self._publish(name, type(value), fetched, lambda: self._first.peek(name) is stored)

    @override
    async def forget(self, key: str) -> None:
        await self._forget(Gone(keys=frozenset((short(key),))))

    @override
    async def forget_tag(self, tag: str) -> None:
        await self._forget(Gone(tags=frozenset((short(tag),))))

    @override
    async def clear(self) -> None:
        await self._forget(Gone(everything=True))

    async def _forget(self, gone: Gone) -> None:
        self._remove(gone)
        await self._second.settle()
        await self._invalidation.publish(gone)

    def _remove(self, gone: Gone) -> None:
        """Remove entries from memory, and read them from the server no more."""
        self._invalidations += len(gone.keys) + len(gone.tags) + gone.everything
        for key in gone.keys:
            self._first.forget(key)
        for tag in gone.tags:
            self._first.forget_tag(tag)
        if gone.everything:
            self._first.clear()
        self._second.remove(gone.keys, gone.tags, everything=gone.everything)

    def _remove_soon(self, gone: Gone) -> None:
        self._remove(gone)
        self._second.settle_soon()

    @override
    def facts(self) -> IntelligentCacheFacts:
        second = self._second
        return IntelligentCacheFacts(
            self._hits_first,
            self._hits_second,
            self._misses,
            self._refreshes,
            self._failed_refreshes,
            self._invalidations,
            second.failures,
            second.not_stored,
            second.damaged,
            int(second.is_up),
        )

    def reported_metrics(self) -> Mapping[str, float]:
        """The values of ``facts``, and records on the followed topics that are no message of their topic."""
        figures = {name: float(value) for name, value in asdict(self.facts()).items()}
        return {**figures, "unreadable": float(self._invalidation.unreadable)}
