"""MixinDatabase, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from onex.capability import AgentEnvironment, Composition, HealthChecks, NodeIdentity
from onex.capability.health import Watch
from onex.capability.shared import ProcessResources, SharedResources
from onex.errors import CompositionError, NodeUseError, OutageError, TransientError
from onex.mixins.database import EnumIsolation, EnumPooler, MixinDatabase, ModelDatabaseSubcontract
from onex.mixins.database.engine import DatabaseEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
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
        with pytest.raises(NodeUseError, match="begun with readonly=True"):
            async with engine.transaction(readonly=True) as tx:
                await tx.execute("INSERT INTO t1 VALUES (3)")
        with pytest.raises(OutageError, match="read-only transaction") as failed:  # a standby, or a full disk
            async with engine.transaction() as tx:
                await tx.execute("SET TRANSACTION READ ONLY")
                await tx.execute("INSERT INTO t1 VALUES (3)")
        assert failed.value.dependency == "database"

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
        assert engine.reported_metrics().items() >= {"connections": 2.0, "idle": 2.0}.items()
        async with engine.transaction(), engine.transaction(), engine.transaction():
            assert engine.reported_metrics().items() >= {"connections": 3.0, "idle": 0.0, "waiting": 0.0}.items()
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
        names = ["connections", "idle", "waiting", "used_seconds", "leaked"]
        assert [name for _, name, _ in composition.reported_metrics()] == names
        await composition.stop()

    asyncio.run(live())


def test_engines_with_equal_pools_share_one(database_url: str) -> None:
    async def live() -> None:
        process = ProcessResources()

        async def engine(name: str, **settings: object) -> DatabaseEngine:
            made = DatabaseEngine(
                ModelDatabaseSubcontract.model_validate(settings),
                NodeIdentity(name),
                AgentEnvironment(database_url=database_url),
                SharedResources(process),
            )
            await made.open()
            return made

        first, second = await engine("a"), await engine("b", isolation="SERIALIZABLE")
        third = await engine("c", pool_max=2)
        assert first.pool is second.pool is not third.pool
        await first.close()
        await first.close()
        assert await second.pool.fetchval("SHOW application_name") == "a"
        left = second.pool
        await second.close()
        with pytest.raises(OutageError, match="pool is closed"):
            await left.fetchval("SELECT 1")
        await third.close()

    asyncio.run(live())


@pytest.mark.enforces("database.leak_after_seconds")
def test_a_connection_that_is_not_returned_is_named_once_with_its_stack(database_url: str) -> None:
    async def live() -> None:
        clock = ManualClock()
        settings = ModelDatabaseSubcontract(leak_after_seconds=30)
        environment = AgentEnvironment(database_url=database_url)
        engine = DatabaseEngine(settings, IDENTITY, environment, SharedResources(ProcessResources()), clock)
        await engine.open()

        async def forgets() -> asyncpg.Connection:
            return await engine.pool.acquire()

        with capture_logs() as lines:
            held = await forgets()
            clock.move_to(29)
            await engine.ping()
            assert (lines, engine.reported_metrics()["leaked"]) == ([], 0.0)
            clock.move_to(30)
            await engine.ping()
            await engine.ping()
        [line] = lines
        assert (line["seconds"], engine.reported_metrics()["leaked"]) == (30.0, 1.0)
        assert "test_database.py" in line["taken_at"]
        assert "forgets" in line["taken_at"]
        await engine.pool.release(held)
        assert engine.reported_metrics().items() >= {"leaked": 0.0, "used_seconds": 30.0}.items()
        await engine.close()

    asyncio.run(live())


def test_a_wait_for_a_connection_is_a_figure(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        async with engine.pool.acquire():
            waits = asyncio.create_task(engine.pool.fetchval("SELECT 1"))
            await asyncio.sleep(0)
            assert engine.reported_metrics()["waiting"] == 1.0
        assert await waits == 1
        assert engine.reported_metrics()["waiting"] == 0.0

    play(database_url, work, pool_max=1)


def test_a_server_that_does_not_accept_is_an_outage_for_single_queries(database_url: str) -> None:
    async def refused(engine: DatabaseEngine) -> None:
        with pytest.raises(OutageError, match="PostgreSQL: "):
            await engine.pool.fetchval("SELECT 1")

    play("postgresql://nobody@127.0.0.1:1/none", refused, pool_min=0)

    async def silent() -> None:
        async with mute_server() as port:
            url = f"postgresql://u@127.0.0.1:{port}/d"
            async with opened(url, connect_timeout_seconds=0.2, pool_min=0) as engine:
                with pytest.raises(OutageError, match="within the time limit"):
                    await engine.pool.fetchval("SELECT 1")

    asyncio.run(silent())


def test_after_a_failed_check_no_old_connection_is_used(database_url: str) -> None:
    async def work(engine: DatabaseEngine) -> None:
        async with engine.pool.acquire() as first, engine.pool.acquire() as second:
            old = {first.get_server_pid(), second.get_server_pid()}

        async def fails(*_: object, **__: object) -> None:
            raise ConnectionResetError("half open")

        with pytest.MonkeyPatch.context() as patch, pytest.raises(OutageError, match="half open"):
            patch.setattr(asyncpg.Connection, "fetchval", fails)
            await engine.ping()
        async with engine.pool.acquire() as first, engine.pool.acquire() as second:
            assert old.isdisjoint({first.get_server_pid(), second.get_server_pid()})

    play(database_url, work, pool_min=2, pool_max=2)


@pytest.mark.enforces("database.pooler")
def test_behind_a_pooler_what_needs_a_session_is_refused(database_url: str) -> None:
    async def refuses(engine: DatabaseEngine) -> None:
        async with engine.pool.acquire() as connection:
            for statement in ("SELECT pg_advisory_lock(1)", "select PG_TRY_ADVISORY_LOCK_shared (1)", "listen news"):
                with pytest.raises(
                    CompositionError, match=r"database\.pooler is TRANSACTION.*(xact_lock|without the)"
                ):
                    await connection.execute(statement)
                with pytest.raises(CompositionError, match="TRANSACTION"):
                    await connection.fetchval(statement)
            with pytest.raises(CompositionError, match="LISTEN"):
                await connection.add_listener("news", print)
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
            assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0

    play(database_url, refuses, pooler="TRANSACTION")

    async def allows(engine: DatabaseEngine) -> None:
        async with engine.pool.acquire() as connection:
            await connection.execute("SELECT pg_advisory_lock(7001999)")
            await connection.add_listener("news", print)
            await connection.remove_listener("news", print)
            assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") > 0

    play(database_url, allows, pooler="NONE")
    assert ModelDatabaseSubcontract().pooler is EnumPooler.AUTO


@pytest.mark.enforces(
    "database.check_interval_seconds",
    "database.check_timeout_seconds",
    "database.check_failures",
    "database.check_critical",
)
def test_the_agent_is_told_how_to_watch_the_database() -> None:
    class Node(MixinDatabase, NodeEffect):
        pass

    node = Node()
    settings = ModelDatabaseSubcontract(
        check_interval_seconds=7, check_timeout_seconds=2, check_failures=3, check_critical=False
    )
    node.container = container(settings)
    assert node.database
    check = node.container.get(HealthChecks).all["database"]
    assert (check.watch, check.critical) == (Watch(7.0, 2.0, 3), False)
