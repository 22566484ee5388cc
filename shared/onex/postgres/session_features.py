"""Refuses what needs a session of its own, on connections behind a pooler in transaction mode.

With the pooler each transaction has another connection of the server: a session lock would stay on a connection that
other clients use, and notifications would arrive at one that no client reads.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import asyncpg
from typing_extensions import override

from onex.errors import CompositionError

_LOCK: Final = re.compile(r"\bpg_(?:try_)?advisory_(?:lock|unlock)\w*\s*\(", re.IGNORECASE)
_LISTEN: Final = re.compile(r"^\s*(?:UN)?LISTEN\b", re.IGNORECASE)
_REMEDIES: Final[Mapping[re.Pattern[str], str]] = {
    _LOCK: "a session lock; use pg_advisory_xact_lock in a transaction",
    _LISTEN: "LISTEN; read the rows at intervals, or connect this node without the pooler",
}


def require_no_session(query: str) -> None:
    """Raise CompositionError for a statement with a session lock or LISTEN."""
    for pattern, words in _REMEDIES.items():
        if pattern.search(query):
            raise CompositionError(f"database.pooler is TRANSACTION, which has no place for {words}")


class TransactionConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection behind a pooler in transaction mode."""

    @override
    async def add_listener(self, channel: str, callback: Callable[..., object]) -> None:
        require_no_session("LISTEN")

    @override
    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        require_no_session(query)
        status: str = await super().execute(query, *args, timeout=timeout)
        return status

    @override
    async def _execute(self, query: str, *args: object, **options: object) -> object:
        """Run a query of ``fetch`` and its relatives: all of them end here."""
        require_no_session(query)
        return await super()._execute(query, *args, **options)
