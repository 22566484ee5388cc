"""MixinDatabase, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from pydantic import ValidationError

from onex.capability import AgentEnvironment, Composition, HealthChecks
from onex.errors import CompositionError, TransientError
from onex.mixins.database import EnumIsolation, MixinDatabase, ModelDatabaseSubcontract
from onex.mixins.database.engine import DatabaseEngine
from onex.node import NodeEffect
from tests.mixins.helpers import IDENTITY, container, mute_server


@asynccontextmanager
async def opened(server: str, **settings: object) -> AsyncIterator[DatabaseEngine]:
    engine = DatabaseEngine(
        ModelDatabaseSubcontract.model_validate(settings), IDENTITY, AgentEnvironment(database_url=server)
    )
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


def play(server: str, work: Callable[[DatabaseEngine], Awaitable[None]], **settings: object) -> None:
    async def live() -> None:
        async with opened(server, **settings) as engine:
            await work(engine)

    asyncio.run(live())


def test_a_transaction_is_done_or_not(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        await engine.ensure("CREATE TABLE IF NOT EXISTS t1 (n int)")
        await engine.ensure("CREATE TABLE IF NOT EXISTS t1 (n int)")
        async with engine.transaction() as tx:
            await tx.execute("INSERT INTO t1 VALUES (1)")
        with pytest.raises(KeyError):
            async with engine.transaction() as tx:
                await tx.execute("INSERT INTO t1 VALUES (2)")
                raise KeyError
        assert await engine.pool.fetchval("SELECT array_agg(n) FROM t1") == [1]
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with engine.transaction(readonly=True) as tx:
                await tx.execute("INSERT INTO t1 VALUES (3)")

    play(database_url, work)


@pytest.mark.enforces("database.isolation")
def test_isolation(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        async with engine.transaction() as tx:
            assert await tx.fetchval("SHOW transaction_isolation") == "repeatable read"
        async with engine.transaction(isolation=EnumIsolation.SERIALIZABLE) as tx:
            assert await tx.fetchval("SHOW transaction_isolation") == "serializable"

    play(database_url, work, isolation="REPEATABLE_READ")


@pytest.mark.enforces("database.serialization_retries", "database.retry_delay_seconds")
def test_a_transaction_that_lost_to_another_one_is_repeated(database_url: str) -> None:
    attempts = 0

    async def race(engine: DatabaseEngine) -> int:
        """Two withdrawals that must not both see the old balance."""
        both = asyncio.Barrier(2)

        async def withdraw(tx: asyncpg.Connection) -> int:
            nonlocal attempts
            attempts += 1
            balance: int = await tx.fetchval("SELECT balance FROM account")
            if attempts <= 2:
                await both.wait()
            await tx.execute("UPDATE account SET balance = $1", balance - 1)
            return balance

        serial = EnumIsolation.SERIALIZABLE
        done = await asyncio.gather(
            *(engine.run(withdraw, isolation=serial) for _ in range(2)), return_exceptions=True
        )
        return sum(isinstance(one, TransientError) for one in done)

    async def work(engine: DatabaseEngine) -> None:
        nonlocal attempts
        await engine.ensure("CREATE TABLE IF NOT EXISTS account (balance int)")
        await engine.pool.execute("DELETE FROM account")
        await engine.pool.execute("INSERT INTO account VALUES (10)")
        assert await race(engine) == 0
        assert (attempts, await engine.pool.fetchval("SELECT balance FROM account")) == (3, 8)

    play(database_url, work)
    attempts = 0

    async def without(engine: DatabaseEngine) -> None:
        assert await race(engine) == 1
        assert attempts == 2

    play(database_url, without, serialization_retries=0)
    attempts = 0

    async def slowly(engine: DatabaseEngine) -> None:
        start = asyncio.get_running_loop().time()
        assert await race(engine) == 0
        assert asyncio.get_running_loop().time() - start >= 0.3

    play(database_url, slowly, retry_delay_seconds=0.3)


def test_other_failures_within_a_transaction_are_unchanged(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        with pytest.raises(ConnectionError, match="the bank is away"):
            async with engine.transaction():
                raise ConnectionError("the bank is away")
        with pytest.raises(TransientError, match="PostgreSQL: "):
            async with engine.transaction() as tx:
                await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    play(database_url, work)


def test_other_failures_are_not_done_again(database_url: str) -> None:
    attempts = 0

    async def wrong(tx: asyncpg.Connection) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute("SELECT nothing FROM nowhere")

    async def work(engine: DatabaseEngine) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            await engine.run(wrong)
        assert attempts == 1

    play(database_url, work)


@pytest.mark.enforces("database.pool_min", "database.pool_max", "database.acquire_timeout_seconds")
def test_the_pool_has_its_limits(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        assert engine.reported_metrics() == {"connections": 2.0, "idle": 2.0}
        async with engine.transaction(), engine.transaction(), engine.transaction():
            assert engine.reported_metrics() == {"connections": 3.0, "idle": 0.0}
            with pytest.raises(TransientError, match=r"no free connection within 1 s"):
                async with engine.transaction():
                    raise AssertionError("not reached")

    play(database_url, work, pool_min=2, pool_max=3, acquire_timeout_seconds=1)
    with pytest.raises(ValidationError, match=r"pool_min \(5\) is above pool_max \(3\)"):
        ModelDatabaseSubcontract(pool_min=5, pool_max=3)


@pytest.mark.enforces("database.statement_timeout_seconds")
def test_the_server_cancels_long_statements(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        with pytest.raises(asyncpg.QueryCanceledError):
            await engine.pool.execute("SELECT pg_sleep(60)")

    play(database_url, work, statement_timeout_seconds=0.2)


@pytest.mark.enforces("database.url")
def test_the_contract_may_name_another_database(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        await engine.ping()
        assert await engine.pool.fetchval("SHOW application_name") == IDENTITY.name

    play("postgresql://nobody@127.0.0.1:1/none", work, url=database_url)
    settings = ModelDatabaseSubcontract.model_validate({"url": "postgresql://u:hush@h/d"})
    assert "hush" not in f"{settings!r} {settings}"


def test_without_a_database_the_node_waits(database_url: str) -> None:
    async def nothing(_: DatabaseEngine) -> None:
        raise AssertionError("not reached")

    with pytest.raises(TransientError, match="no database: run `onex up`"):
        play("", nothing)
    with pytest.raises(TransientError, match="PostgreSQL: "):
        play("postgresql://nobody@127.0.0.1:1/none", nothing)

    async def late(engine: DatabaseEngine) -> None:
        async with engine.transaction():
            raise AssertionError("not reached")

    with pytest.raises(TransientError, match="PostgreSQL: "):
        play("postgresql://nobody@127.0.0.1:1/none", late, pool_min=0)


@pytest.mark.enforces("database.connect_timeout_seconds")
def test_a_silent_server_is_disconnected() -> None:
    async def live() -> None:
        async with mute_server() as port:
            url = f"postgresql://u@127.0.0.1:{port}/d"
            with pytest.raises(TransientError):
                async with asyncio.timeout(20), opened(url, connect_timeout_seconds=0.2):
                    raise AssertionError("not reached")

    asyncio.run(live())


def test_closing_ends_hanging_statements(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.mixins.database.engine._CLOSE_TIMEOUT", 0.1)

    async def live() -> None:
        async with opened(database_url) as engine:
            held = await engine.pool.acquire()
            await engine.close()
            with pytest.raises(asyncpg.InterfaceError):
                await held.fetchval("SELECT 1")
            assert engine.reported_metrics() == {"connections": 0.0, "idle": 0.0}
            with pytest.raises(CompositionError, match="the database is not open"):
                await engine.ping()

    asyncio.run(live())


def test_a_node_is_asked_whether_its_database_is_well(database_url: str) -> None:
    class Node(MixinDatabase, NodeEffect):
        pass

    async def live() -> None:
        node = Node()
        node.container = container(AgentEnvironment(database_url=database_url))
        composition = Composition(node)
        await composition.start()
        await node.container.get(HealthChecks).all["database"].probe()
        assert list(composition.reported_metrics()) == [("database", "connections", 1.0), ("database", "idle", 1.0)]
        await composition.stop()

    asyncio.run(live())
