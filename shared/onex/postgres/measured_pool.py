"""A pool that counts waiting callers and used time, and names connections that are not returned."""

import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from traceback import StackSummary, walk_stack
from types import FrameType

import asyncpg
import structlog
from typing_extensions import override

from onex.errors import OutageError
from onex.postgres.passing import unreachable
from onex.util.clock import ProtocolClock, SystemClock

log = structlog.get_logger(__name__)
_FRAMES = 12


@dataclass(slots=True)
class _Taken:
    """A connection outside of the pool."""

    since: float
    stack: StackSummary | None
    named: bool = False


class MeasuredPool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg has no types
    """A pool of asyncpg. It raises OutageError when no connection can be opened, so that messages wait."""

    def __init__(
        self, *args: object, leak_after: float = 0.0, clock: ProtocolClock | None = None, **options: object
    ) -> None:
        """``leak_after``: seconds after which a connection that is not returned is logged. 0 keeps no stacks."""
        super().__init__(
            *args,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            **options,
        )
        self._leak_after = leak_after
        self._clock = clock or SystemClock()
        self._taken: dict[int, _Taken] = {}
        self._used_seconds = 0.0
        self._waiting = 0

    @override
    def acquire(self, *, timeout: float | None = None) -> "_Acquiring":
        """Return an awaitable and a context, as asyncpg does."""
        self.name_leaks()
        stack = _stack_of(sys._getframe(1)) if self._leak_after else None
        return _Acquiring(self, timeout, stack)

    async def take(self, timeout: float | None, stack: StackSummary | None) -> asyncpg.Connection:
        """Take a connection. Raise OutageError for a failure that may pass, and TimeoutError after ``timeout``."""
        self._waiting += 1
        try:
            connection = await super().acquire(timeout=timeout)
        except TimeoutError:
            if timeout is not None:
                raise
            raise OutageError("PostgreSQL: no connection within the time limit") from None
        except Exception as error:
            raise unreachable(error) or error from error
        finally:
            self._waiting -= 1
        self._taken[id(connection)] = _Taken(self._clock.monotonic(), stack)
        return connection

    @override
    async def release(self, connection: asyncpg.Connection, *, timeout: float | None = None) -> None:
        if (taken := self._taken.pop(id(connection), None)) is not None:
            self._used_seconds += self._clock.monotonic() - taken.since
        await super().release(connection, timeout=timeout)

    def name_leaks(self) -> None:
        """Log each connection that is out for too long, once, with the stack of the call that took it."""
        if not self._leak_after:
            return
        now = self._clock.monotonic()
        for taken in self._taken.values():
            if not taken.named and (seconds := now - taken.since) >= self._leak_after:
                taken.named = True
                log.warning(
                    "a database connection was not returned; release it, or use `async with`",
                    seconds=round(seconds, 3),
                    taken_at=_text(taken.stack),
                )

    @property
    def figures(self) -> Mapping[str, float]:
        """Connections, idle ones, callers that wait, seconds for which returned ones were used, and leaks."""
        return {
            "connections": float(self.get_size()),
            "idle": float(self.get_idle_size()),
            "waiting": float(self._waiting),
            "used_seconds": self._used_seconds,
            "leaked": float(sum(taken.named for taken in list(self._taken.values()))),
        }


class _Acquiring:
    """One call of ``acquire``."""

    def __init__(self, pool: MeasuredPool, timeout: float | None, stack: StackSummary | None) -> None:
        self._pool = pool
        self._timeout = timeout
        self._stack = stack
        self._connection: asyncpg.Connection | None = None

    def __await__(self) -> Generator[object, None, asyncpg.Connection]:
        return self._pool.take(self._timeout, self._stack).__await__()

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._pool.take(self._timeout, self._stack)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        connection, self._connection = self._connection, None
        await self._pool.release(connection)


def _stack_of(frame: FrameType) -> StackSummary:
    """Return the calls that led to a frame. Lines of source are read only when the stack is logged."""
    return StackSummary.extract(walk_stack(frame), limit=_FRAMES, lookup_lines=False)


def _text(stack: StackSummary | None) -> str:
    return " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack or ())
