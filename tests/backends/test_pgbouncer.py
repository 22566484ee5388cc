"""PostgreSQL behind PgBouncer in transaction mode: each transaction may run on another connection of the server."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from onex.agent.failure.classify import Classifier, outage_of
from onex.capability import AgentEnvironment, NodeIdentity
from onex.errors import CompositionError, OutageError
from onex.local import LocalPostgres
from onex.local.properties import free_port
from onex.mixins.database import ModelDatabaseSubcontract
from onex.mixins.database.engine import DatabaseEngine
from onex.model.context import Context
from onex.model.enums import EnumFailureClass
from onex.model.message import Message
from onex.postgres import Inbox, Outbox, is_pooled
from tests.conftest import eventually

_SERVERS = 2
"""Connections of the server that all clients share, besides the one of each open transaction."""


class Paid(Message):
    """Something happened."""

    number: int


@pytest.fixture(scope="module")
def pooled(postgres: LocalPostgres) -> Iterator[str]:
    """URL of a PgBouncer before the server. It does not run as root, and the server's folder is its owner's."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    assert Path(program).exists(), "pgbouncer is missing: apt-get install pgbouncer"
    postgres.start()
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="onex-pgbouncer-"))
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\npostgres = host={postgres.folder} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\ndefault_pool_size = {_SERVERS + 2}\nserver_idle_timeout = 60\n"
    )
    owner = postgres.folder.stat()
    os.chmod(folder, 0o755)
    given = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, **given)  # type: ignore[call-overload]  # user and group
    try:
        eventually(lambda: "process up" in (folder / "log").read_text() or process.poll(), what="PgBouncer to start")
        assert process.poll() is None, (folder / "log").read_text()
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@asynccontextmanager
async def opened(url: str, **settings: object) -> AsyncIterator[DatabaseEngine]:
    who = NodeIdentity("node_till_effect", "1.0.0", "t-1")
    engine = DatabaseEngine(
        ModelDatabaseSubcontract.model_validate(settings), who, AgentEnvironment(database_url=url)
    )
    await engine.open()
    try:
        yield engine
    finally:
        engine.pool.terminate()
        await engine.close()


def context(key: str) -> Context:
    return Context(
        now=datetime.now(UTC), key=key, message_id=key, correlation_id=key, causation_id="", idempotency_key=key
    )


def test_many_transactions_share_few_connections(pooled: str) -> None:
    async def scene() -> None:
        async with opened(pooled, pool_min=2, pool_max=12) as engine:
            async with engine.pool.acquire() as connection:
                assert await is_pooled(connection)
            await engine.ensure("CREATE TABLE IF NOT EXISTS pooled (n int, note text)")
            await engine.pool.execute("TRUNCATE pooled")

            async def work(number: int) -> int:
                async with engine.transaction() as tx:
                    await tx.execute("INSERT INTO pooled VALUES ($1, $2)", number, f"n-{number}")
                    serving: int = await tx.fetchval("SELECT pg_backend_pid()")
                    assert await tx.fetchval("SELECT note FROM pooled WHERE n = $1", number) == f"n-{number}"
                rows = await engine.pool.fetch("SELECT n FROM pooled WHERE n = ANY($1::int[])", [number])
                assert [row["n"] for row in rows] == [number]
                return serving

            serving = await asyncio.gather(*(work(number) for number in range(200)))
            assert 1 < len(set(serving)) <= _SERVERS + 2
            assert await engine.pool.fetchval("SELECT count(*) FROM pooled") == 200

    asyncio.run(scene())


def test_a_statement_that_takes_too_long_is_ended_and_counts_as_an_attempt(
    pooled: str, postgres: LocalPostgres
) -> None:
    async def scene() -> None:
        async with opened(pooled, statement_timeout_seconds=1) as engine:
            with pytest.raises(TimeoutError) as caught:
                async with engine.transaction() as tx:
                    await tx.execute("SELECT pg_sleep(60)")
        assert outage_of(caught.value) is None
        assert Classifier().classify(caught.value) is EnumFailureClass.TRANSIENT
        direct = await asyncpg.connect(postgres.start())
        async with asyncio.timeout(20):
            sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = $1"
            while await direct.fetchval(sleeping, "SELECT pg_sleep(60)"):
                await asyncio.sleep(0.02)  # between looks at a condition, not instead of one
        await direct.close()

    asyncio.run(scene())


def test_an_inbox_does_each_piece_of_work_once(pooled: str) -> None:
    async def scene() -> None:
        async with opened(pooled) as engine:
            inbox = Inbox(engine.pool, "pooled", [Paid])
            await inbox.prepare()
            worked: list[int] = []

            async def work(connection: asyncpg.Connection) -> Paid:
                worked.append(1)
                return Paid(number=await connection.fetchval("SELECT 7"))

            asked = context(os.urandom(8).hex())
            answers = await asyncio.gather(*(inbox.once(asked, work) for _ in range(8)))
            assert answers == [Paid(number=7)] * 8
            assert worked == [1]

    asyncio.run(scene())


def test_one_outbox_leads_and_another_one_does_when_its_connection_is_lost(pooled: str) -> None:
    async def scene() -> None:
        async with opened(pooled) as engine:
            name = os.urandom(8).hex()
            outbox, other = Outbox(engine.pool, name), Outbox(engine.pool, name)
            await outbox.prepare()
            assert (await outbox.lead(), await other.lead(), await outbox.lead()) == (True, False, True)
            async with engine.transaction() as tx:
                await outbox.put(tx, context("k"), Paid(number=1))
            events = await outbox.take(10)
            assert [event.type for event in events] == ["Paid"]
            await outbox.done([event.number for event in events])
            assert await outbox.take(10) == []
            await outbox.wait(0.01)
            ended = (
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                "AND objid = hashtext($1)::oid"
            )
            assert await engine.pool.fetchval(ended, name)
            led = False
            async with asyncio.timeout(20):
                while not led:
                    with suppress(OutageError):
                        led = await other.lead()
                while await outbox.lead():
                    await asyncio.sleep(0.01)  # between looks at a condition, not instead of one

    asyncio.run(scene())


def test_instances_with_and_without_a_pooler_exclude_each_other(pooled: str, postgres: LocalPostgres) -> None:
    async def scene() -> None:
        async with opened(pooled) as behind, opened(postgres.start()) as direct:
            name = os.urandom(8).hex()
            assert await Outbox(behind.pool, name).lead()
            assert not await Outbox(direct.pool, name).lead()
            async with direct.pool.acquire() as connection:
                assert not await is_pooled(connection)

    asyncio.run(scene())


def test_a_contract_may_say_that_there_is_a_pooler(pooled: str) -> None:
    async def scene() -> None:
        async with opened(pooled, pooler="TRANSACTION", pool_max=4) as engine:
            await engine.ensure("CREATE TABLE IF NOT EXISTS told (n int)")
            await asyncio.gather(*(engine.pool.execute("INSERT INTO told VALUES ($1)", n) for n in range(50)))
            assert await engine.pool.fetchval("SELECT count(*) FROM told WHERE n < $1", 50) >= 50
            with pytest.raises(CompositionError, match="pg_advisory_xact_lock"):
                await engine.pool.fetchval("SELECT pg_try_advisory_lock($1)", 1)
            async with engine.pool.acquire() as connection:
                with pytest.raises(CompositionError, match="LISTEN"):
                    await connection.add_listener("news", print)
            name = os.urandom(8).hex()
            outbox = Outbox(engine.pool, name)
            await outbox.prepare()
            assert await outbox.lead()

    asyncio.run(scene())


def test_a_detected_pooler_refuses_sessions_as_well(pooled: str) -> None:
    async def scene() -> None:
        async with opened(pooled) as engine:
            with pytest.raises(CompositionError, match="LISTEN"):
                await engine.pool.execute("LISTEN news")

    asyncio.run(scene())
