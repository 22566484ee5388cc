"""A real Redis server as the second level of caches."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from onex.errors import TransientError
from onex.local.properties import free_port
from tests.conftest import eventually
from tests.mixins.cache_mesh import Instance, Mesh
from tests.mixins.test_cache_of_all_instances import Stall

_PASSWORD = "p@ss word"


class Server:
    """A server of its own on a free port, with a password and without files."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is missing: apt-get install redis-server"
        self._command = [program, "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
        self._log = folder / "log"
        self.port = free_port()
        self.url = f"redis://:p%40ss%20word@127.0.0.1:{self.port}/1"
        self.client = Redis(port=self.port, password=_PASSWORD, db=1)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [*self._command, "--port", str(self.port), "--requirepass", _PASSWORD]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._responds, what="the Redis server to start")

    def _responds(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            assert self.process is not None
            assert self.process.poll() is None, self._log.read_text()
            return False

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="onex-redis-"))
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.client.close()
        server.kill()
        shutil.rmtree(folder)


@pytest.fixture
def server(running: Server) -> Server:
    """The server without values."""
    running.client.flushall()
    running.client.config_set("maxmemory", 0)
    return running


@asynccontextmanager
async def instances(url: str, count: int = 2, **settings: object) -> AsyncIterator[tuple[Mesh, list[Instance]]]:
    """Instances of one node. A failure is tried again with the next use."""
    mesh = Mesh(with_server=False)
    made = [
        mesh.instance(caching=None, **{"url": url, "retry_seconds": 0, "timeout_seconds": 20, **settings})
        for _ in range(count)
    ]
    for each in made:
        await each.engine.open()
    try:
        yield mesh, made
    finally:
        for each in made:
            await each.engine.close()


async def settled(server: Server, name: bytes) -> None:
    """Return when the server does not have the value."""
    async with asyncio.timeout(20):
        while server.client.exists(b"onex:{node_shop_effect:1.0.0}:k:" + name):
            await asyncio.sleep(0.01)  # between looks at a condition, not instead of one


def test_two_instances_share_values_and_forget_them_together(server: Server) -> None:
    async def scene() -> None:
        async with instances(server.url) as (mesh, (one, two)):
            assert await asyncio.gather(*(each.load("a", took=0.01) for each in (one, two, one, two))) == [1] * 4
            assert mesh.loads == 1, "one instance loads, the other one waits"
            await one.load("b", tags=["t"])
            assert await two.load("b") == 2
            names = sorted(server.client.keys("*"))
            assert names == [b"onex:{node_shop_effect:1.0.0}:" + name for name in (b"k:a", b"k:b", b"t:t")]
            assert all(0 < server.client.pttl(name) <= 2_592_000_000 for name in names)
            await two.engine.forget("a")
            await settled(server, b"a")
            assert one.first.peek("a") is None
            await one.engine.forget_tag("t")
            await settled(server, b"b")
            assert two.first.peek("b") is None
            assert await two.load("b") == 3
            server.client.set("of another program", 1)
            await two.engine.clear()
            await settled(server, b"b")
            assert server.client.keys("*") == [b"of another program"]
            assert one.second.failures == two.second.failures == 0

    asyncio.run(scene())


def test_many_values_are_removed_by_tag_and_together(server: Server) -> None:
    async def scene() -> None:
        async with instances(server.url, count=1) as (_, (it,)):
            for number in range(1_200):
                await it.engine.put(f"k{number}", number, tags=["t"] if number % 2 else [])
            await it.engine.forget_tag("t")
            assert server.client.dbsize() == 600
            await it.engine.clear()
            assert server.client.dbsize() == 0
            assert it.second.failures == 0

    asyncio.run(scene())


def test_calls_go_on_while_the_server_is_killed_and_use_it_when_it_is_back(server: Server) -> None:
    async def scene() -> None:
        async with instances(server.url) as (_, (one, two)):
            assert [await one.load("a"), await two.load("a")] == [1, 1]
            await asyncio.to_thread(server.kill)
            assert [await one.load("a"), await one.load("b"), await two.load("b")] == [1, 2, 3]
            await one.engine.forget("a")
            with pytest.raises(TransientError, match="the second level is not used: no connection"):
                await one.engine.probe()
            await asyncio.to_thread(server.start)
            await one.engine.probe()
            assert await one.load("c") == 4
            assert await two.load("c") == 4
            assert [event for event, _ in one.reports] == ["away", "back"]

    asyncio.run(scene())


def test_a_server_that_hangs_is_left_alone(server: Server) -> None:
    async def scene() -> None:
        async with instances(server.url, count=1, timeout_seconds=0.05, retry_seconds=3_600) as (_, (it,)):
            server.send(signal.SIGSTOP)
            try:
                assert [await it.load(key) for key in "abc"] == [1, 2, 3]
                assert it.second.failures == 1
                assert it.second.problem == "no reply within 0.05 s"
            finally:
                server.send(signal.SIGCONT)
        async with instances(server.url, count=1) as (_, (it,)):
            await it.engine.probe()

    asyncio.run(scene())


def test_a_wrong_password_is_a_reason_and_no_failure(server: Server) -> None:
    async def scene() -> None:
        for url in (f"redis://:hunter2@127.0.0.1:{server.port}", f"redis://127.0.0.1:{server.port}"):
            async with instances(url, count=1) as (_, (it,)):
                assert await it.load() == 1
                with pytest.raises(TransientError, match="rejects the credentials") as caught:
                    await it.engine.probe()
                assert "hunter2" not in f"{caught.value} {it.reports}"

    asyncio.run(scene())


def test_a_user_with_few_rights_is_enough(server: Server) -> None:
    server.client.acl_setuser(
        "shop",
        enabled=True,
        passwords=["+secret"],
        keys=["onex:*"],
        categories=["+@read", "+@write"],
        commands=["+ping", "+select"],
    )

    async def scene() -> None:
        async with instances(f"redis://shop:secret@127.0.0.1:{server.port}/1", count=1) as (_, (it,)):
            await it.load("a", tags=["t"])
            await it.engine.forget_tag("t")
            await it.engine.clear()
            await it.engine.probe()
            assert it.second.failures == 0

    asyncio.run(scene())


def test_a_full_server_returns_values_and_takes_some_again_when_it_has_room(server: Server) -> None:
    async def scene() -> None:
        async with instances(server.url) as (_, (one, two)):
            await one.load("first")
            server.client.config_set("maxmemory", "1mb")
            server.client.config_set("maxmemory-policy", "noeviction")
            assert await one.load("second") == 2
            assert two.second.problem == ""
            assert await two.load("first") == 1, "values are read"
            assert await two.engine.get("second", int) is None
            with pytest.raises(TransientError, match=r"is full \(maxmemory\)"):
                await one.engine.probe()
            await two.engine.forget("first")
            await settled(server, b"first")
            server.client.config_set("maxmemory", 0)
            await one.engine.probe()
            await one.load("third")
            assert await two.load("third") == 3

    asyncio.run(scene())


def test_instances_of_a_node_share_prices_and_survive_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STALL_REDIS_URL", server.url)
    stall = Stall(virtual_time=False)
    assert stall.ask() == {1}
    assert sorted(stall.looked_up) == [0, 1], "one of the two has loaded it"
    server.kill()
    try:
        assert stall.ask() == {1}
        assert stall.ask("pears") <= {1, 2}
        assert sum(stall.looked_up) == 3, "each of the two has loaded the other price"
    finally:
        server.start()
    assert len(stall.ask("plums")) == 1
    assert sum(stall.looked_up) == 4
    assert stall.mesh.dead_letters() == []
    stall.mesh.close()
