"""The agent's own watch of the systems that its node depends on."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import BaseModel

from onex.agent.process.dependency_watch import checks_of, watching
from onex.agent.telemetry.health import Health
from onex.capability.health import HealthCheck, HealthChecks, Watch
from onex.errors import OutageError
from onex.node import NodeEffect
from tests.mixins.helpers import container, context


class Turns:
    """A sleep that ends when the test says so, and a probe with scripted results."""

    def __init__(self, *problems: str) -> None:
        self.problems = list(problems)
        self.slept: list[float] = []
        self._asked = asyncio.Event()
        self._next = asyncio.Event()

    async def probe(self) -> None:
        if problem := self.problems.pop(0):
            raise OutageError(problem)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._asked.set()
        await self._next.wait()
        self._next.clear()

    async def asked(self) -> None:
        """Wait until the probe has run once more; the next call lets it run again."""
        if self.slept:
            self._asked.clear()
            self._next.set()
        await self._asked.wait()


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await scene()

    asyncio.run(limited())


def test_a_dependency_that_is_away_makes_the_process_unready_until_it_responds() -> None:
    async def scene() -> None:
        health, turns = Health(), Turns("", "PostgreSQL: away", "", "PostgreSQL: postgresql://u:hush@h/d", "")
        check = HealthCheck("database", turns.probe, watch=Watch(interval_seconds=3.0))
        with watching({"database": check}, health, turns.sleep):
            await turns.asked()
            assert health.ready
            await turns.asked()
            assert health.reasons == {"dependency database": "PostgreSQL: away"}
            await turns.asked()
            assert health.ready
            await turns.asked()
            assert not health.ready
            assert "hush" not in str(health.reasons)
        assert health.ready
        assert turns.slept == [3.0] * 4

    play(scene)


def test_failures_in_a_row_count_and_a_success_begins_anew() -> None:
    async def scene() -> None:
        health, turns = Health(), Turns("one", "", "two", "three")
        check = HealthCheck("database", turns.probe, watch=Watch(failures=2))
        with watching({"database": check}, health, turns.sleep):
            for ready in (True, True, True, False):
                await turns.asked()
                assert health.ready is ready

    play(scene)


def test_a_check_that_is_not_critical_degrades_a_process_that_stays_ready() -> None:
    async def scene() -> None:
        health, turns = Health(), Turns("away", "")
        check = HealthCheck("database", turns.probe, critical=False, watch=Watch())
        with watching({"database": check}, health, turns.sleep):
            await turns.asked()
            assert health.ready
            assert health.degraded == {"dependency database": "away"}
            await turns.asked()
            assert health.degraded == {}

    play(scene)


def test_a_contract_says_that_its_database_is_not_critical() -> None:
    pytest.importorskip("asyncpg")
    from onex.mixins.database import MixinDatabase, ModelDatabaseSubcontract
    from onex.mixins.health_check import MixinHealthCheck, ModelHealthCheckSubcontract

    made = type("NodeRigEffect", (MixinHealthCheck, MixinDatabase, NodeEffect), {})

    def watched(*models: BaseModel) -> HealthCheck:
        node = made()
        node.container = container(*models)
        assert node.health
        assert node.database
        return checks_of(node)["database"]

    assert watched().critical
    assert not watched(ModelDatabaseSubcontract(check_critical=False)).critical
    components = {"components": [{"name": "database", "critical": False}]}
    assert not watched(ModelHealthCheckSubcontract.model_validate(components)).critical


def test_a_probe_that_hangs_has_failed() -> None:
    async def scene() -> None:
        health, turns = Health(), Turns()
        check = HealthCheck("database", asyncio.Event().wait, watch=Watch(timeout_seconds=0.01))
        with watching({"database": check}, health, turns.sleep):
            await turns.asked()
            assert health.reasons == {"dependency database": "no result within 0.01 s"}

    play(scene)


def test_the_checks_are_those_of_capabilities_and_of_attributes() -> None:
    pytest.importorskip("asyncpg")
    from onex.postgres import Inbox, Outbox

    class Pool:
        """A pool without a server."""

        async def fetchval(self, _: str) -> int:
            raise ConnectionRefusedError("no server")

    node = NodeEffect()
    watched = HealthCheck("database", asyncio.sleep, watch=Watch())  # type: ignore[arg-type]  # never called
    for check in (watched, HealthCheck("bank", asyncio.sleep)):  # type: ignore[arg-type]  # never called
        node.container.get(HealthChecks).add(check)
    vars(node)["inbox"] = Inbox(Pool(), "node", [])
    node.outbox = Outbox(Pool(), "node")
    checks = checks_of(node)
    assert sorted(checks) == ["database", "inbox", "outbox"]
    for name in ("inbox", "outbox"):
        assert asyncio.run(checks[name].problem(1)) == "PostgreSQL: ConnectionRefusedError: no server"


def test_a_message_waits_for_the_database_of_its_inbox_and_no_attempt_is_counted() -> None:
    pytest.importorskip("asyncpg")
    from onex.postgres import Inbox

    class Pool:
        """A pool without a server."""

        async def acquire(self) -> None:
            raise ConnectionRefusedError("no server")

    async def nothing(_: object) -> None:
        raise AssertionError("not reached")

    with pytest.raises(OutageError, match="no server"):
        asyncio.run(Inbox(Pool(), "node", []).once(context(), nothing))
