"""A Redis server at the border of the client: the commands that the second level uses, in virtual time."""

import asyncio
import fnmatch
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from onex.mixins.intelligent_caching.server import ProtocolServer, Word
from onex.testing.clock import ManualClock


class FakeRedis(ProtocolServer):
    """One server, which several instances may share. ``down`` is raised by each command."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.values: dict[bytes, tuple[bytes, float]] = {}
        self.sets: dict[bytes, dict[bytes, float]] = {}
        self.commands: list[str] = []
        self.down: Exception | None = None
        self.full: Exception | None = None
        """Raised by commands that need memory."""
        self.scanned: list[bytes] = []
        self.takes = 0.0
        """Seconds of each command."""

    async def call(self, *words: Word) -> object:
        name, arguments = str(words[0]), [_as_bytes(word) for word in words[1:]]
        self.commands.append(name)
        await asyncio.sleep(self.takes)
        if self.down is not None:
            raise self.down
        if self.full is not None and name in ("SET", "ZADD"):
            raise self.full
        return getattr(self, f"_{name.lower()}")(*arguments)

    def _ping(self) -> bool:
        return True

    def _get(self, name: bytes) -> bytes | None:
        value, until = self.values.get(name, (None, 0.0))
        return value if self.clock.now_ms() < until else None

    def _getrange(self, name: bytes, begin: bytes, end: bytes) -> bytes:
        return (self._get(name) or b"")[int(begin) : int(end) + 1]

    def _set(self, name: bytes, value: bytes, *options: bytes) -> bool | None:
        if b"NX" in options and self._get(name) is not None:
            return None
        self.values[name] = value, self.clock.now_ms() + int(options[options.index(b"PX") + 1])
        return True

    def _unlink(self, *names: bytes) -> int:
        return sum((self.values.pop(name, None) or self.sets.pop(name, None)) is not None for name in names)

    def _zadd(self, name: bytes, score: bytes, member: bytes) -> int:
        self.sets.setdefault(name, {})[member] = float(score)
        return 1

    def _zremrangebyscore(self, name: bytes, _: bytes, most: bytes) -> int:
        gone = [member for member, score in self.sets[name].items() if score <= float(most)]
        return self._zrem(name, *gone)

    def _zrange(self, name: bytes, begin: bytes, end: bytes) -> list[bytes]:
        return sorted(self.sets.get(name, {}))[int(begin) : int(end) + 1]

    def _zrem(self, name: bytes, *members: bytes) -> int:
        return sum(self.sets[name].pop(member, None) is not None for member in members)

    def _pexpire(self, name: bytes, _: bytes) -> int:
        return int(name in self.sets)

    def _scan(self, cursor: bytes, _: bytes, pattern: bytes, *__: bytes) -> tuple[int, list[bytes]]:
        """Return one name at a time, as a server with many names returns some of them."""
        at = int(cursor)
        if at == 0:
            self.scanned = sorted([*self.values, *self.sets])
        names = self.scanned
        page = [name for name in names[at : at + 1] if fnmatch.fnmatchcase(name.decode(), pattern.decode())]
        return (at + 1 if at + 1 < len(names) else 0), page


def _as_bytes(word: Word) -> bytes:
    match word:
        case bytes():
            return word
        case _:
            return str(cast(object, word)).encode()


class RespServer:
    """A :class:`FakeRedis` behind TCP, which speaks version 2 of the protocol and knows one password."""

    def __init__(self, redis: FakeRedis, password: str) -> None:
        self._redis = redis
        self._password = password.encode()
        self._writers: list[asyncio.StreamWriter] = []
        self.connections = 0
        self.seen: list[list[bytes]] = []
        self.port = 0

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> "AsyncIterator[RespServer]":
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.connections += 1
        is_allowed = False
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            self.seen.append(words)
            match words[0]:
                case b"AUTH":
                    is_allowed = words[-1] == self._password
                    writer.write(b"+OK\r\n" if is_allowed else b"-WRONGPASS invalid username-password pair\r\n")
                case b"SELECT" | b"CLIENT":
                    writer.write(b"+OK\r\n")
                case _ if not is_allowed:
                    writer.write(b"-NOAUTH Authentication required.\r\n")
                case name:
                    writer.write(_resp(await self._redis.call(name.decode(), *words[1:])))


def _resp(reply: object) -> bytes:
    match reply:
        case None:
            return b"$-1\r\n"
        case True:
            return b"+OK\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case (int() as cursor, list() as names):
            return b"*2\r\n" + _resp(str(cursor).encode()) + _resp(names)
        case list() | tuple():
            return b"*%d\r\n" % len(reply) + b"".join(_resp(each) for each in reply)
        case _:
            raise AssertionError(reply)
