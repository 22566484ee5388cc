"""A registry of factories, and the handlers they have made."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from onex.errors import CallTimeoutError, CompositionError, RejectedError
from onex.mixins.effect_handlers.model_effect_handlers_subcontract import ModelEffectHandlerSubcontract
from onex.mixins.effect_handlers.protocol_effect_handlers import ProtocolEffectHandler
from onex.util.clock import ProtocolClock


@dataclass(slots=True)
class _Made:
    handler: ProtocolEffectHandler
    until: float
    users: int = 0


class EffectHandlersEngine:
    """See :class:`ProtocolEffectHandlers`. Belongs to one event loop."""

    def __init__(self, settings: ModelEffectHandlerSubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._clock = clock
        self._factories: dict[str, Callable[[], ProtocolEffectHandler]] = {}
        self._made: dict[str, _Made] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self._places = asyncio.Semaphore(settings.max_concurrent_handlers)
        self._calls = self._failed = 0

    def register(self, effect_type: str, make: Callable[[], ProtocolEffectHandler]) -> None:
        """See the protocol."""
        if not self._settings.enable_handler_registry:
            raise CompositionError("enable_handler_registry is off; no handler can be registered")
        if effect_type in self._factories:
            raise CompositionError(f"there is a handler of {effect_type!r} already")
        self._factories[effect_type] = make
        self._making[effect_type] = asyncio.Lock()

    @property
    def kinds(self) -> Sequence[str]:
        """See the protocol."""
        return sorted(self._factories)

    async def open(self) -> None:
        """Nothing to do: handlers are made when they are needed."""

    async def close(self) -> None:
        """Close what was made."""
        made, self._made = self._made, {}
        for one in made.values():
            await self._end(one.handler)

    async def dispatch(self, effect_type: str, payload: object) -> object:
        """See the protocol."""
        if effect_type not in self._factories:
            raise RejectedError(f"no handler of {effect_type!r}; there are {', '.join(self.kinds) or 'none'}")
        self._calls += 1
        try:
            async with self._places, self._handler(effect_type) as handler:
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
                await self._end(handler)
            return
        made = await self._kept(effect_type)
        made.users += 1
        try:
            yield made.handler
        finally:
            made.users -= 1
            if not made.users and self._made.get(effect_type) is not made:
                await self._end(made.handler)

    async def _kept(self, effect_type: str) -> _Made:
        """The handler that is there, or a new one in place of one whose time is over."""
        async with self._making[effect_type]:
            made = self._made.get(effect_type)
            if made is None or self._clock.monotonic() >= made.until:
                until = self._clock.monotonic() + self._settings.handler_cache_ttl_seconds
                fresh = _Made(await self._make(effect_type), until)
                self._made[effect_type] = fresh
                if made is not None and not made.users:
                    await self._end(made.handler)
                made = fresh
            return made

    async def _make(self, effect_type: str) -> ProtocolEffectHandler:
        handler = self._factories[effect_type]()
        if self._settings.enable_handler_validation:
            _check(effect_type, handler)
        await self._step(handler, "open")
        return handler

    async def _end(self, handler: ProtocolEffectHandler) -> None:
        await self._step(handler, "close")

    async def _step(self, handler: ProtocolEffectHandler, name: str) -> None:
        step = getattr(handler, name, None)
        if self._settings.enable_handler_lifecycle and step is not None:
            await step()

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls, failed calls, and handlers that are kept."""
        return {"calls": float(self._calls), "failed": float(self._failed), "kept": float(len(self._made))}


def _check(effect_type: str, handler: object) -> None:
    handle = getattr(handler, "handle", None)
    if not inspect.iscoroutinefunction(handle) or len(inspect.signature(handle).parameters) != 1:
        raise CompositionError(f"the handler of {effect_type!r} has no `async def handle(self, payload)`")
