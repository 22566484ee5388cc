"""Effects on a database: killed at every step, they leave one effect, one answer and one event."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from node_till_effect.v1_0_0.models import MoneyTaken, TakeMoney, TillChanged

from node_distributed_lock_effect.v1_0_0 import leases
from node_distributed_lock_effect.v1_0_0.models import (
    AcquireLock,
    LockAcquired,
    LockDenied,
    LockLost,
    LockReleased,
    LockRenewed,
    ReleaseLock,
    RenewLock,
)
from onex.bus.kafka import KafkaEventBusAdapter
from onex.errors import OutageError
from onex.local import LocalPostgres
from onex.model.message import Message
from onex.node import Context, RejectedError
from onex.postgres import Inbox, Outbox
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

NAME = "node_till_effect"
FAILPOINTS = (
    "effect.taken",
    "inbox.begun",
    "inbox.worked",
    "inbox.committed",
    "effect.handled",
    "effect.produced",
    "effect.committed",
    "outbox.taken",
    "outbox.produced",
    "outbox.published",
    "outbox.done",
)


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_there_an_effect_happens_once_and_is_told_once(
    kafka_bus: KafkaEventBusAdapter, postgres: LocalPostgres, tmp_path: Path, failpoint: str
) -> None:
    url = postgres.start()
    asyncio.run(_forget(url))
    with Mesh(kafka_bus, [NODES / NAME / "v1_0_0"], tmp_path, {"DATABASE_URL": url}) as mesh:
        doomed = mesh.start(NAME, env={"ONEX_FAILPOINT": failpoint})
        mesh.send([TakeMoney(till=f"t-{number}", amount=number) for number in range(6)])
        assert doomed.wait(40) == -9, "it was killed at the failpoint"
        running = mesh.start(NAME)
        expected = Counter({f"t-{number}": 1 for number in range(6)})

        def told(model: type[MoneyTaken] | type[TillChanged]) -> Counter[str]:
            return Counter(message.till for message in mesh.messages(model))

        eventually(lambda: told(MoneyTaken) >= expected and told(TillChanged) >= expected, 60, "every answer")
        eventually(lambda: asyncio.run(_left(url)) == 0, 30, "an empty outbox")
        assert mesh.stop(running) == 0
        assert told(MoneyTaken) == expected
        assert told(TillChanged) == expected
        assert asyncio.run(_tills(url)) == expected
        assert mesh.dead_letters(NAME) == []


async def _forget(url: str) -> None:
    connection = await asyncpg.connect(url)
    for table in ("till", "onex_outbox_event", "onex_inbox_answer"):
        await connection.execute(f"DROP TABLE IF EXISTS {table}")
    await connection.close()


async def _tills(url: str) -> Counter[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT name FROM till")
    await connection.close()
    return Counter(row["name"] for row in rows)


async def _left(url: str) -> int:
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval("SELECT count(*) FROM onex_outbox_event")
    await connection.close()
    return count


def test_an_answer_is_remembered_whatever_its_shape(postgres: LocalPostgres) -> None:
    async def scene() -> None:
        pool = await asyncpg.create_pool(postgres.start(), min_size=1, max_size=2)
        inbox = Inbox(pool, "shapes", (MoneyTaken, TillChanged))
        await inbox.prepare()
        one, other = MoneyTaken(till="a", amount=1), TillChanged(till="a", amount=1)
        for number, answer in enumerate([None, one, [one, other], []]):
            calls: list[int] = []

            async def work(
                _: asyncpg.Connection, calls: list[int] = calls, answer: list[Message] | Message | None = answer
            ) -> list[Message] | Message | None:
                calls.append(1)
                return answer

            key = f"shape-{number}"
            context = Context(datetime.now(UTC), "k", key, "c", "", key)
            await pool.execute("DELETE FROM onex_inbox_answer WHERE key = $1", key)
            answers = [await inbox.once(context, work) for _ in range(3)]
            assert answers == [answer] * 3
            assert calls == [1]
            # The row has no digest, as those of earlier versions: any content gets its answer.
            assert await inbox.once(replace(context, digest="d"), work) == answer
            await pool.execute("UPDATE onex_inbox_answer SET digest = 'd' WHERE key = $1", key)
            assert await inbox.once(replace(context, digest="d"), work) == answer
            with pytest.raises(RejectedError, match="another type or content"):
                await inbox.once(replace(context, digest="e"), work)
        pool.terminate()

    asyncio.run(scene())


def test_an_outbox_whose_connection_was_lost_leads_again(postgres: LocalPostgres) -> None:
    async def scene() -> None:
        pool = await asyncpg.create_pool(postgres.start(), min_size=1, max_size=2)
        outbox, other = Outbox(pool, "lost"), Outbox(pool, "lost")
        assert (await outbox.lead(), await other.lead(), await outbox.lead()) == (True, False, True)
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = hashtext($1)::oid"
        )
        assert await pool.fetchval(ended, "lost")
        led = False
        async with asyncio.timeout(20):
            while not led:  # the end of the connection takes a moment to arrive
                with suppress(OutageError):
                    led = await other.lead()
            while await outbox.lead():
                await asyncio.sleep(0.01)
        assert pool.get_size() - pool.get_idle_size() == 1, "only the leader keeps a connection"
        pool.terminate()

    asyncio.run(scene())


def test_leases_are_exclusive_expire_and_carry_growing_tokens(postgres: LocalPostgres) -> None:
    async def scene() -> None:
        connection = await asyncpg.connect(postgres.start())
        await connection.execute(leases.TABLES + "DELETE FROM onex_lock WHERE name = 'l'")
        acquire, renew = partial(leases.acquire, connection), partial(leases.renew, connection)
        release = partial(leases.release, connection)
        first = await acquire(AcquireLock(name="l", owner="ann", ttl=60))
        assert isinstance(first, LockAcquired)
        assert isinstance(await acquire(AcquireLock(name="l", owner="bob", ttl=60)), LockDenied)
        assert isinstance(await renew(RenewLock(name="l", token=first.token, ttl=0.001)), LockRenewed)
        while isinstance(second := await acquire(AcquireLock(name="l", owner="bob", ttl=60)), LockDenied):
            pass  # the lease ends within a millisecond of the database's clock
        assert isinstance(second, LockAcquired)
        assert second.token > first.token
        assert await renew(RenewLock(name="l", token=first.token, ttl=60)) == LockLost(name="l", token=first.token)
        assert isinstance(await release(ReleaseLock(name="l", token=first.token)), LockLost)
        assert isinstance(await release(ReleaseLock(name="l", token=second.token)), LockReleased)
        third = await acquire(AcquireLock(name="l", owner="ann", ttl=60))
        assert isinstance(third, LockAcquired)
        assert third.token > second.token, "a released lease does not begin again"
        await connection.close()

    asyncio.run(scene())
