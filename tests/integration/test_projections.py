"""The PostgreSQL adapter: inbox, work and outbox in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import asyncpg
import pytest

from node_postgres_adapter_effect.v1_0_0.models import (
    DeleteProjection,
    ProjectionUpserted,
    QueryProjection,
    UpsertProjection,
)
from node_postgres_adapter_effect.v1_0_0.node import NAME, NodePostgresAdapterEffect
from onex.capability import AgentEnvironment, Composition
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.local import LocalPostgres
from onex.node import Context
from tests.conftest import SERVICES

T = TypeVar("T")


def context(message_id: str) -> Context:
    return Context(datetime.now(UTC), "k", message_id, "c", "", message_id)


def put(sequence: int, key: str = "once") -> UpsertProjection:
    return UpsertProjection(projection="tests", key=key, sequence=sequence, document=f'{{"at": {sequence}}}')


@pytest.fixture
def play(postgres: LocalPostgres) -> Callable[..., None]:
    """Run a coroutine function with a started node."""
    url = postgres.start()
    resolved = resolve_node(SERVICES / NAME / "v1_0_0")

    def run(scene: Callable[[NodePostgresAdapterEffect], Awaitable[None]]) -> None:
        async def whole() -> None:
            node = create_node(resolved)
            assert isinstance(node, NodePostgresAdapterEffect)
            node.container.registry.value(AgentEnvironment, AgentEnvironment(url))
            composition = Composition(node)
            await composition.start()
            try:
                await node.start()
                await node.database.pool.execute("DELETE FROM onex_projection WHERE projection = 'tests'")
                await node.database.pool.execute("DELETE FROM onex_inbox_answer WHERE key LIKE 't-%'")
                await scene(node)
            finally:
                await composition.stop()

        asyncio.run(whole())

    return run


def test_a_message_delivered_again_gives_the_same_answer_and_does_nothing(play: Callable[..., None]) -> None:
    async def scene(node: NodePostgresAdapterEffect) -> None:
        first = await node.upsert(put(1), context("t-1"))
        await node.delete(DeleteProjection(projection="tests", key="once", sequence=1), context("t-2"))
        # The process died before its offset was committed: the message comes again, long after.
        assert (
            await node.upsert(put(1), context("t-1"))
            == first
            == ProjectionUpserted(projection="tests", key="once", sequence=1, applied=True)
        )
        found = await node.query(QueryProjection(projection="tests"), context("t-3"))
        assert found.documents == {}, "the second delivery has not written again"

    play(scene)


def test_two_deliveries_at_once_are_one(play: Callable[..., None]) -> None:
    async def scene(node: NodePostgresAdapterEffect) -> None:
        answers = await asyncio.gather(*(node.upsert(put(1), context("t-1")) for _ in range(8)))
        assert {answer.applied for answer in answers} == {True}
        assert await node.database.pool.fetchval("SELECT count(*) FROM onex_inbox_answer WHERE key = 't-1'") == 1

    play(scene)


def test_work_that_fails_leaves_nothing_behind(play: Callable[..., None]) -> None:
    async def scene(node: NodePostgresAdapterEffect) -> None:
        async def fails(connection: asyncpg.Connection) -> ProjectionUpserted:
            await connection.execute("INSERT INTO onex_projection VALUES ('tests', 'half', 1, '{}')")
            raise ConnectionError("the network is gone")

        with pytest.raises(ConnectionError):
            await node.inbox.once(context("t-1"), fails)
        found = await node.query(QueryProjection(projection="tests"), context("t-2"))
        assert found.documents == {}
        again = await node.upsert(put(1), context("t-1"))
        assert again.applied, "a failure is not remembered as done"

    play(scene)


def test_documents_of_a_key_never_go_back(play: Callable[..., None]) -> None:
    async def scene(node: NodePostgresAdapterEffect) -> None:
        upsert = partial(node.upsert)
        sequences = [3, 1, 2, 5, 4]
        answers = [await upsert(put(number), context(f"t-{number}")) for number in sequences]
        assert [answer.applied for answer in answers] == [True, False, False, True, False]
        found = await node.query(QueryProjection(projection="tests", where={"at": "5"}), context("t-q"))
        assert found.documents == {"once": '{"at": 5}'}

    play(scene)
