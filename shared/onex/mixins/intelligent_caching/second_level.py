"""Values on a server. Nothing raises when the server is away, slow, full or rejects the credentials."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar, cast

import structlog

from onex.mixins.caching.engine import Fetched
from onex.mixins.intelligent_caching.failures import concerns_writes, reason_of
from onex.mixins.intelligent_caching.model_intelligent_caching_subcontract import ModelIntelligentCachingSubcontract
from onex.mixins.intelligent_caching.names import Namespace
from onex.mixins.intelligent_caching.removals import Removals
from onex.mixins.intelligent_caching.server import ProtocolServer, Word
from onex.mixins.intelligent_caching.stored import Stored, read, written
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
T = TypeVar("T")
_LONGEST_LIFE: Final = 30 * 86_400.0
"""Seconds of the longest lifetime on the server. The index of a tag lives as long."""
_AT_A_TIME: Final = 500
"""Names in one command."""


@dataclass(slots=True)
class _Standing:
    problem: str = ""
    try_at: float = 0.0
    """Monotonic time before which the server is not asked while there is a problem."""


class SecondLevel:
    """Uses a server within a time limit. After a failure it leaves the server alone for a while.

    ``changed`` is called with ``away`` and the reason, and with ``back``.
    """

    def __init__(
        self,
        settings: ModelIntelligentCachingSubcontract,
        namespace: Namespace,
        clock: ProtocolClock,
        changed: Callable[[str, str], None],
    ) -> None:
        self._settings = settings
        self._names = namespace
        self._clock = clock
        self._changed = changed
        self._server: ProtocolServer | None = None
        self._all = _Standing()
        self._writes = _Standing()
        self._owed = Removals()
        self._removing = Removals()
        self._turn = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None
        self.failures = 0
        self.not_stored = 0
        """Values that stay in memory: too large, or not the same when they are read again."""
        self.damaged = 0
        """Values on the server that could not be read."""

    def use(self, server: ProtocolServer) -> None:
        """Use this server from now on."""
        self._server = server

    async def close(self) -> None:
        """Use no server any more."""
        self._server = None
        settling, self._settling = self._settling, None
        if settling is not None:
            settling.cancel()
            await asyncio.wait([settling])

    @property
    def problem(self) -> str:
        """Why the server is not used, or takes no values. Empty without a problem."""
        return self._all.problem or self._writes.problem

    @property
    def is_up(self) -> bool:
        """Whether there is a server, and the last use of it had no failure."""
        return self._server is not None and not self.problem

    async def get(self, key: str, model: type) -> Stored | None:
        """Return the value of a key, or None."""
        if self._owed.hides(key) or self._removing.hides(key):
            return None
        limit = self._settings.max_value_bytes
        found = await self._command(_bytes, "GETRANGE", self._names.value(key), 0, limit)
        if not found:
            return None
        stored = read(found, model) if len(found) <= limit else None
        if stored is None:
            self.damaged += 1
            return None
        return stored if stored.header.until_ms > self._clock.now_ms() else None

    async def put(self, key: str, model: type, fetched: Fetched) -> None:
        """Store a value for its lifetime, unless it is too large."""
        if self._server is None:
            return
        lifetime = round(1000 * min(fetched.lifetime, _LONGEST_LIFE))
        if lifetime < 1:
            return
        until = self._clock.now_ms() + lifetime
        stored = written(fetched.value, model, until, lifetime, fetched.tags)
        if stored is None or len(stored) > self._settings.max_value_bytes:
            self.not_stored += 1
            self.remove([key])  # the server may have an older one
            await self.settle()
            return
        await self._attempt(lambda server: self._put(server, key, stored, lifetime, until, fetched.tags), writes=True)

    async def _put(
        self, server: ProtocolServer, key: str, stored: bytes, lifetime: int, until: int, tags: Iterable[str]
    ) -> bool:
        # The tag first: a value whose tag does not know it could not be removed by the tag.
        for tag in tags:
            name = self._names.tag(tag)
            await server.call("ZADD", name, until, key.encode())
            await server.call("ZREMRANGEBYSCORE", name, "-inf", self._clock.now_ms() - 1)
            await server.call("PEXPIRE", name, round(1000 * _LONGEST_LIFE))
        await server.call("SET", self._names.value(key), stored, "PX", lifetime)
        return True

    async def lock(self, name: bytes, token: str) -> bool | None:
        """Take the lock of a name for this instance. None when there is no server to ask, or locks are off."""
        milliseconds = round(1000 * self._settings.lock_seconds)
        if milliseconds < 1:
            return None
        return await self._command(bool, "SET", name, token, "NX", "PX", milliseconds, writes=True)

    async def unlock(self, name: bytes, token: str) -> None:
        """Release a lock, unless another instance has it now."""
        await self._attempt(lambda server: _unlock(server, name, token))

    def remove(self, keys: Iterable[str] = (), tags: Iterable[str] = (), *, everything: bool = False) -> None:
        """Read none of these any more. ``settle`` removes them from the server."""
        if self._server is not None:
            self._owed.add(keys, tags, everything=everything)

    async def settle(self) -> None:
        """Remove from the server what must be removed, or as soon as it is back."""
        async with self._turn:
            while self._owed:
                self._removing, self._owed = self._owed, Removals()
                try:
                    is_done = await self._remove(self._removing)
                except BaseException:
                    self._give_back()
                    raise
                if not is_done:
                    self._give_back()
                    return
                self._removing = Removals()

    def settle_soon(self) -> None:
        """Call ``settle`` in the background."""
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self.settle())

    def _give_back(self) -> None:
        left, self._removing = self._removing, Removals()
        self._owed.add(left.keys, left.tags, everything=left.everything)

    async def _remove(self, removals: Removals) -> bool:
        """Return whether the server has none of them any more."""
        if removals.everything:
            return await self._remove_everything()
        for tag in removals.tags:
            if not await self._remove_tag(tag):
                return False
        return await self._unlink([self._names.value(key) for key in removals.keys])

    async def _remove_tag(self, tag: str) -> bool:
        name = self._names.tag(tag)
        while True:
            members = await self._command(_list, "ZRANGE", name, 0, _AT_A_TIME - 1)
            if not members:
                return members is not None
            values = [self._names.value(member.decode(errors="replace")) for member in members]
            if not await self._unlink(values):
                return False
            # Not the whole index: another instance may add to it meanwhile.
            if await self._command(_int, "ZREM", name, *members) is None:
                return False

    async def _remove_everything(self) -> bool:
        cursor = 0
        while True:
            at, pattern = cursor, self._names.values_pattern
            page = await self._command(_page, "SCAN", at, "MATCH", pattern, "COUNT", 1_000)
            if page is None or not await self._unlink(page[1]):
                return False
            cursor = page[0]
            if not cursor:
                return True

    async def _unlink(self, names: Sequence[bytes]) -> bool:
        left = iter(names)
        while some := tuple(islice(left, _AT_A_TIME)):
            if await self._command(_int, "UNLINK", *some) is None:
                return False
        return True

    async def check(self) -> str:
        """Ask the server whether it is there, and whether it takes values. Return the problem, or an empty text."""
        self._all.try_at = self._writes.try_at = 0.0
        await self._command(_done, "PING")
        if self._writes.problem:
            await self._command(_done, "SET", self._names.health, b"", "PX", 1_000, writes=True)
        return self.problem

    async def _command(self, read_reply: Callable[[object], T], *words: Word, writes: bool = False) -> T | None:
        return await self._attempt(lambda server: _reply(server, words, read_reply), writes=writes)

    async def _attempt(self, work: Callable[[ProtocolServer], Awaitable[T]], *, writes: bool = False) -> T | None:
        """Return the result, or None when there is no server, or it does not do it in time."""
        server, now = self._server, self._clock.monotonic()
        concerned = (self._all, self._writes) if writes else (self._all,)
        if server is None or any(each.problem and now < each.try_at for each in concerned):
            return None
        for each in concerned:
            # Until this try has ended, no other one begins while there is a problem.
            each.try_at = now + self._settings.retry_seconds
        limit = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(limit):
                result = await work(server)
        except Exception as error:  # noqa: BLE001 - whatever a server does, calls go on without it
            self._failed(self._writes if concerns_writes(error) else self._all, reason_of(error, limit))
            return None
        self._worked(concerned)
        return result

    def _failed(self, standing: _Standing, reason: str) -> None:
        self.failures += 1
        standing.try_at = self._clock.monotonic() + self._settings.retry_seconds
        if reason != standing.problem:
            standing.problem = reason
            log.warning("the cache goes on without its second level", reason=reason)
            self._changed("away", reason)

    def _worked(self, concerned: Iterable[_Standing]) -> None:
        was = self.problem
        for each in concerned:
            each.problem = ""
        if was and not self.problem:
            log.info("the second level of the cache is back")
            self._changed("back", "")
        if self._owed and not self._turn.locked():
            self.settle_soon()


async def _reply(server: ProtocolServer, words: Sequence[Word], read_reply: Callable[[object], T]) -> T:
    return read_reply(await server.call(*words))


def _bytes(reply: object) -> bytes:
    return cast(bytes, reply) or b""


def _int(reply: object) -> int:
    return cast(int, reply)


def _list(reply: object) -> list[bytes]:
    return list(cast("list[bytes]", reply))


def _page(reply: object) -> tuple[int, list[bytes]]:
    cursor, names = cast("tuple[int, list[bytes]]", reply)
    return int(cursor), list(names)


def _done(_: object) -> bool:
    return True


async def _unlock(server: ProtocolServer, name: bytes, token: str) -> bool:
    # Between the two commands the lock may expire and be another's: then that value is loaded once more.
    if await server.call("GET", name) == token.encode():
        await server.call("UNLINK", name)
    return True
