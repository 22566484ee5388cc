"""Limits the concurrent calls of each dependency."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from typing_extensions import override

from onex.errors import BulkheadFullError
from onex.mixins.bulkhead.model_bulkhead_subcontract import ModelBulkheadSubcontract
from onex.mixins.bulkhead.protocol_bulkhead import ProtocolBulkhead, ProtocolCompartment

T = TypeVar("T")


class Compartment(ProtocolCompartment):
    """The slots of one dependency, as a semaphore. Belongs to one event loop."""

    running: int = 0
    waiting: int = 0

    def __init__(self, dependency: str, slots: int, settings: ModelBulkheadSubcontract) -> None:
        self._dependency = dependency
        self._slots = slots
        self._settings = settings
        self._free = asyncio.Semaphore(slots)
        self.refused = 0

    @override
    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self.slot():
            return await work()

    @override
    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
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
                raise BulkheadFullError(f"{self._dependency}: {self._slots} calls in progress, {self.waiting} wait")
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
            raise BulkheadFullError(f"{self._dependency}: no free slot within {waited:g} s") from None
        finally:
            self.waiting -= 1


class BulkheadEngine(ProtocolBulkhead):
    """One compartment for each dependency, created at its first use."""

    def __init__(self, settings: ModelBulkheadSubcontract) -> None:
        self._settings = settings
        self._slots_by_service = {service.name: service.max_concurrent for service in settings.services}
        self._compartments: dict[str, Compartment] = {}

    @override
    def of(self, dependency: str) -> Compartment:
        compartment = self._compartments.get(dependency)
        if compartment is None:
            slots = self._slots_by_service.get(dependency, self._settings.max_concurrent)
            compartment = self._compartments[dependency] = Compartment(dependency, slots, self._settings)
        return compartment

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls in progress, waiting calls, and refused calls since the start."""
        compartments = list(self._compartments.values())
        return {
            "running": float(sum(compartment.running for compartment in compartments)),
            "waiting": float(sum(compartment.waiting for compartment in compartments)),
            "refused": float(sum(compartment.refused for compartment in compartments)),
        }
