"""Compartments by dependency."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from onex.errors import BulkheadFullError
from onex.mixins.bulkhead.model_bulkhead_subcontract import ModelBulkheadSubcontract

T = TypeVar("T")


class Compartment:
    """See :class:`ProtocolCompartment`. Belongs to one event loop."""

    def __init__(self, dependency: str, places: int, settings: ModelBulkheadSubcontract) -> None:
        self._dependency = dependency
        self._places = places
        self._settings = settings
        self._free = asyncio.Semaphore(places)
        self.running = 0
        self.waiting = 0
        self.refused = 0

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """See the protocol."""
        async with self.place():
            return await work()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """See the protocol."""
        await self._enter()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._free.release()

    async def _enter(self) -> None:
        if self._free.locked():
            if self.waiting >= self._settings.max_waiting:
                self.refused += 1
                raise BulkheadFullError(f"{self._dependency}: {self._places} calls under way, {self.waiting} wait")
            await self._wait()
        else:
            await self._free.acquire()

    async def _wait(self) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(self._settings.max_wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            self.refused += 1
            waited = self._settings.max_wait_seconds
            raise BulkheadFullError(f"{self._dependency}: no place within {waited:g} s") from None
        finally:
            self.waiting -= 1


class BulkheadEngine:
    """See :class:`ProtocolBulkhead`."""

    def __init__(self, settings: ModelBulkheadSubcontract) -> None:
        self._settings = settings
        self._own = {service.name: service.max_concurrent for service in settings.services}
        self._compartments: dict[str, Compartment] = {}

    def of(self, dependency: str) -> Compartment:
        """See the protocol."""
        compartment = self._compartments.get(dependency)
        if compartment is None:
            places = self._own.get(dependency, self._settings.max_concurrent)
            compartment = self._compartments[dependency] = Compartment(dependency, places, self._settings)
        return compartment

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls under way, waiting, and refused so far."""
        all_of_them = list(self._compartments.values())
        return {
            "running": float(sum(one.running for one in all_of_them)),
            "waiting": float(sum(one.waiting for one in all_of_them)),
            "refused": float(sum(one.refused for one in all_of_them)),
        }
