"""MixinTransactions, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog

from onex.capability import AgentEnvironment
from onex.errors import CallTimeoutError, CompositionError, OutageError
from onex.mixins.database import MixinDatabase, ModelDatabaseSubcontract
from onex.mixins.database.engine import DatabaseEngine
from onex.mixins.transactions import MixinTransactions, ModelTransactionSubcontract
from onex.mixins.transactions.engine import TransactionsEngine
from onex.node import NodeEffect
from onex.util.clock import SystemClock
from tests.mixins.helpers import IDENTITY, container

INSERT = "INSERT INTO units VALUES ($1)"


class Units:
    """An engine over an empty table."""

    def __init__(self, url: str, **settings: object) -> None:
        self._settings = ModelTransactionSubcontract.model_validate(settings)
        self._database = DatabaseEngine(ModelDatabaseSubcontract(), IDENTITY, AgentEnvironment(database_url=url))
        self.engine = TransactionsEngine(self._settings, self._database, SystemClock())

    def play(self, work: Callable[[TransactionsEngine], Awaitable[None]]) -> list[int]:
        """Return the numbers in the table."""

        async def live() -> list[int]:
            await self._database.open()
            await self._database.ensure("CREATE TABLE IF NOT EXISTS units (n int)")
            await self._database.pool.execute("DELETE FROM units")
            try:
                await work(self.engine)
                return [row["n"] for row in await self._database.pool.fetch("SELECT n FROM units ORDER BY n")]
            finally:
                await self._database.close()

        return asyncio.run(live())


@pytest.mark.enforces("transactions.auto_commit")
@pytest.mark.parametrize(("by_itself", "kept"), [(True, [1]), (False, [])])
def test_explicit_and_automatic_commit(database_url: str, by_itself: bool, kept: list[int]) -> None:
    async def work(engine: TransactionsEngine) -> None:
        async with engine.begin() as unit:
            await unit.connection.execute(INSERT, 1)

    units = Units(database_url, auto_commit=by_itself)
    with structlog.testing.capture_logs() as logs:
        assert units.play(work) == kept
    assert any("without commit" in entry["event"] for entry in logs) != by_itself


def test_committed_work_stays_after_a_later_failure(database_url: str) -> None:
    async def work(engine: TransactionsEngine) -> None:
        with pytest.raises(KeyError):
            async with engine.begin() as unit:
                await unit.connection.execute(INSERT, 1)
                await unit.commit()
                raise KeyError
        with pytest.raises(KeyError):
            async with engine.begin() as unit:
                await unit.connection.execute(INSERT, 2)
                raise KeyError
        async with engine.begin() as unit:
            await unit.commit()
            for late in (unit.commit, unit.rollback):
                with pytest.raises(CompositionError, match="is committed; begin a new one"):
                    await late()
            with pytest.raises(CompositionError, match="is committed"):
                _ = unit.connection

    units = Units(database_url)
    assert units.play(work) == [1]
    assert units.engine.reported_metrics() == {"committed": 1.0, "rolled_back": 2.0}


@pytest.mark.enforces("transactions.rollback_support")
def test_rollback(database_url: str) -> None:
    async def undo(engine: TransactionsEngine) -> None:
        async with engine.begin() as unit:
            await unit.connection.execute(INSERT, 1)
            await unit.rollback()

    assert Units(database_url, auto_commit=True).play(undo) == []
    with pytest.raises(CompositionError, match="rollback_support is false"):
        Units(database_url, rollback_support=False).play(undo)


@pytest.mark.enforces("transactions.enable_savepoints")
def test_units_within_units(database_url: str) -> None:
    async def work(engine: TransactionsEngine) -> None:
        async with engine.begin() as unit:
            await unit.connection.execute(INSERT, 1)
            with pytest.raises(KeyError):
                async with unit.nested() as inner:
                    await inner.connection.execute(INSERT, 2)
                    raise KeyError
            async with unit.nested() as inner:
                await inner.connection.execute(INSERT, 3)
                await inner.commit()
            await unit.commit()

    assert Units(database_url).play(work) == [1, 3]
    with pytest.raises(CompositionError, match="while enable_savepoints is false"):
        Units(database_url, enable_savepoints=False).play(work)


@pytest.mark.enforces("transactions.transaction_enabled")
def test_without_transactions_every_statement_is_its_own(database_url: str) -> None:
    async def work(engine: TransactionsEngine) -> None:
        async with engine.begin() as unit:
            await unit.connection.execute(INSERT, 1)
        with pytest.raises(KeyError):
            async with engine.begin() as unit:
                await unit.connection.execute(INSERT, 2)
                raise KeyError

    assert Units(database_url, transaction_enabled=False).play(work) == [1, 2]


@pytest.mark.enforces("transactions.transaction_timeout_ms")
def test_a_unit_that_takes_too_long_is_undone(database_url: str) -> None:
    async def work(engine: TransactionsEngine) -> None:
        with pytest.raises(CallTimeoutError, match="took longer than 1 s and was rolled back"):
            async with engine.begin() as unit:
                await unit.connection.execute(INSERT, 1)
                await unit.connection.execute("SELECT pg_sleep(60)")
        with pytest.raises(TimeoutError):
            async with engine.begin():
                raise TimeoutError("its own")

    assert Units(database_url, transaction_timeout_ms=1000, auto_commit=True).play(work) == []


@pytest.mark.enforces("transactions.isolation_level")
def test_isolation(database_url: str) -> None:
    async def work(engine: TransactionsEngine) -> None:
        async with engine.begin() as unit:
            assert await unit.connection.fetchval("SHOW transaction_isolation") == "serializable"
            async with unit.nested() as inner:
                assert await inner.connection.fetchval("SHOW transaction_isolation") == "serializable"

    Units(database_url, isolation_level="SERIALIZABLE", auto_commit=True).play(work)


@pytest.mark.enforces("transactions.enable_transaction_logging")
def test_each_unit_is_a_line(database_url: str) -> None:
    async def work(engine: TransactionsEngine) -> None:
        async with engine.begin() as unit:
            await unit.commit()

    for logging in (True, False):
        with structlog.testing.capture_logs() as logs:
            Units(database_url, enable_transaction_logging=logging).play(work)
        assert [entry["ended"] for entry in logs if entry["event"] == "unit of work"] == ["committed"] * logging


def test_a_node_has_units_on_its_database(database_url: str) -> None:
    class Node(MixinTransactions, MixinDatabase, NodeEffect):
        pass

    async def live() -> None:
        node = Node()
        node.container = container(AgentEnvironment(database_url=database_url))
        assert isinstance(node.database, DatabaseEngine)
        await node.database.open()
        async with node.transactions.begin() as unit:
            assert await unit.connection.fetchval("SELECT 1") == 1
            await unit.commit()
        await node.database.close()

    asyncio.run(live())


def test_a_wait_for_a_connection_counts_no_attempt() -> None:
    class Busy:
        """Both a database and its pool, without a free connection."""

        @property
        def pool(self) -> "Busy":
            return self

        async def acquire(self) -> None:
            await asyncio.Event().wait()

    settings = ModelTransactionSubcontract.model_construct(transaction_timeout_ms=10)
    engine = TransactionsEngine(settings, Busy(), SystemClock())  # type: ignore[arg-type]  # only the pool is used

    async def begins() -> None:
        async with engine.begin():
            raise AssertionError("not reached")

    with pytest.raises(OutageError, match=r"no free connection within 0\.01 s"):
        asyncio.run(begins())
