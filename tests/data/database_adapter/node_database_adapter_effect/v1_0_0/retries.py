"""Retries of database calls."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from node_database_adapter_effect.v1_0_0.adapter_metrics import AdapterMetrics
from node_database_adapter_effect.v1_0_0.structured_log import StructuredLog

T = TypeVar("T")
_REPEATABLE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class RetryPolicy:
    """Calls again, with growing delays, when the server rolled a transaction back because of another one."""

    def __init__(self, log: StructuredLog, metrics: AdapterMetrics, attempts: int = 4, delay: float = 0.02) -> None:
        self._log = log
        self._metrics = metrics
        self._attempts = attempts
        self._delay = delay

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work, and return its result or raise its last failure."""
        backoff = self._delay
        for attempt in range(1, self._attempts + 1):
            try:
                return await work()
            except _REPEATABLE as error:
                if attempt == self._attempts:
                    raise
                self._metrics.increment("retries")
                self._log.info("retry", attempt=attempt, error=type(error).__name__)
                await asyncio.sleep(backoff)
                backoff *= 2
        raise AssertionError("a policy has at least one attempt")
