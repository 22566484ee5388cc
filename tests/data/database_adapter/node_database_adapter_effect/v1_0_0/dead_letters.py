"""Decides which failures become dead letters, and which are tried again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from node_database_adapter_effect.v1_0_0.adapter_metrics import AdapterMetrics
from node_database_adapter_effect.v1_0_0.structured_log import StructuredLog

from onex.errors import MessageError, OutageError, RejectedError, TransientError

T = TypeVar("T")


class DeadLetterPolicy:
    """Turns failures of the database into the errors by which the mesh decides."""

    def __init__(self, log: StructuredLog, metrics: AdapterMetrics) -> None:
        self._log = log
        self._metrics = metrics

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work, and classify its failure."""
        try:
            return await work()
        except (ConnectionError, TimeoutError) as error:
            self._metrics.increment("outages")
            raise OutageError(f"database: {error}") from error
        except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
            raise TransientError(f"database: {error}") from error
        except asyncpg.IntegrityConstraintViolationError as error:
            self._dead_letter("constraint", error)
            raise RejectedError(f"database: {error}") from error
        except MessageError as error:
            self._dead_letter("rejected", error)
            raise

    def _dead_letter(self, reason: str, error: Exception) -> None:
        self._metrics.increment("dead_letters")
        self._log.warning("dead_letter", reason=reason, error=str(error))
