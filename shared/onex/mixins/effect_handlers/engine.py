"""A registry of handler factories, and the handlers that they created."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from typing_extensions import override

from onex.errors import CallTimeoutError, CompositionError, RejectedError
from onex.mixins.effect_handlers.model_effect_handlers_subcontract import ModelEffectHandlerSubcontract
from onex.mixins.effect_handlers.protocol_effect_handlers import ProtocolEffectHandler, ProtocolEffectHandlers
from onex.util.clock import ProtocolClock


@dataclass(slots=True)
class _CachedHandler:
    handler: ProtocolEffectHandler
    until: float
    users: int = 0


class EffectHandlersEngine(ProtocolEffectHandlers):
    """Creates, caches, limits and closes handlers. Belongs to one event loop."""

    def __init__(self, settings: ModelEffectHandlerSubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._clock = clock
        self._factories: dict[str, Callable[[], ProtocolEffectHandler]] = {}
        self._cached: dict[str, _CachedHandler] = {}
        self._creating: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(settings.max_concurrent_handlers)
        self._calls = self._failed = 0

    @override
    def register(self, effect_type: str, make: Callable[[], ProtocolEffectHandler]) -> None:
        if not self._settings.enable_handler_registry:
            raise CompositionError("no handler can be registered while enable_handler_registry is false")
        if effect_type in self._factories:
            raise CompositionError(f"{effect_type!r} has a handler already")
        self._factories[effect_type] = make
        self._creating[effect_type] = asyncio.Lock()

    @property
    @override
    def kinds(self) -> Sequence[str]:
        return sorted(self._factories)

    async def open(self) -> None:
        """Do nothing: the first use creates a handler."""

    async def close(self) -> None:
        """Close all cached handlers."""
        cached, self._cached = self._cached, {}
        for entry in cached.values():
            await self._close(entry.handler)

    @override
    async def dispatch(self, effect_type: str, payload: object) -> object:
        if effect_type not in self._factories:
            raise RejectedError(f"no handler of {effect_type!r}; there are {', '.join(self.kinds) or 'none'}")
        self._calls += 1
        try:
            async with self._slots, self._handler(effect_type) as handler:
                return await self._call(effect_type, handler, payload)
        except BaseException:
            self._failed += 1
            raise

    async def _call(self, effect_type: str, handler: ProtocolEffectHandler, payload: object) -> object:
        limit = self._settings.handler_timeout_ms / 1000
        try:
            async with asyncio.timeout(limit) as limited:
                return await handler.handle(payload)
        except TimeoutError:
            if not limited.expired():
                raise
            raise CallTimeoutError(f"the handler of {effect_type!r} did not end within {limit:g} s") from None

    @asynccontextmanager
    async def _handler(self, effect_type: str) -> AsyncIterator[ProtocolEffectHandler]:
        if not self._settings.enable_handler_caching:
            handler = await self._make(effect_type)
            try:
                yield handler
            finally:
                await self._close(handler)
            return
        entry = await self._cached_handler(effect_type)
        entry.users += 1
        try:
            yield entry.handler
        finally:
            entry.users -= 1
            if not entry.users and self._cached.get(effect_type) is not entry:
                await self._close(entry.handler)

    async def _cached_handler(self, effect_type: str) -> _CachedHandler:
        """Return the cached handler, or a new one in place of an expired one."""
        async with self._creating[effect_type]:
            entry = self._cached.get(effect_type)
            if entry is None or self._clock.monotonic() >= entry.until:
                until = self._clock.monotonic() + self._settings.handler_cache_ttl_seconds
                fresh = _CachedHandler(await self._make(effect_type), until)
                self._cached[effect_type] = fresh
                if entry is not None and not entry.users:
                    await self._close(entry.handler)
                entry = fresh
            return entry

    async def _make(self, effect_type: str) -> ProtocolEffectHandler:
        handler = self._factories[effect_type]()
        if self._settings.enable_handler_validation:
            _check(effect_type, handler)
        await self._step(handler, "open")
        return handler

    async def _close(self, handler: ProtocolEffectHandler) -> None:
        await self._step(handler, "close")

    async def _step(self, handler: ProtocolEffectHandler, name: str) -> None:
        step = getattr(handler, name, None)
        if self._settings.enable_handler_lifecycle and step is not None:
            await step()

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls, failed calls and cached handlers."""
        return {"calls": float(self._calls), "failed": float(self._failed), "kept": float(len(self._cached))}


def _check(effect_type: str, handler: object) -> None:
    handle = getattr(handler, "handle", None)
    if not inspect.iscoroutinefunction(handle) or len(inspect.signature(handle).parameters) != 1:
        raise CompositionError(f"the handler of {effect_type!r} has no `async def handle(self, payload)`")
