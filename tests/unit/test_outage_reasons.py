"""Outages for which messages wait are reasons why a process is not ready, and end no message."""

from collections.abc import Iterator

import pytest
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.telemetry.health import Health
from onex.capability.health import HealthCheck, HealthChecks
from onex.errors import CallTimeoutError, CircuitOpenError, OutageError, RateLimitedError, RejectedError
from onex.node import Context
from onex.testing import MeshDriver
from tests.conftest import NODES


async def never() -> None:
    raise AssertionError("the test has no watch")


class World:
    """A node whose handler raises the next failure of an entity; without one it succeeds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures: dict[str, Exception] = {}
        act = NodeUnrulyEffect.act

        async def fails(_: NodeUnrulyEffect, command: Act, context: Context) -> Acted | list[Acted]:
            if command.entity in self.failures:
                raise self.failures[command.entity]
            return await act(_, command, context)

        monkeypatch.setattr(NodeUnrulyEffect, "act", fails)
        self.mesh = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
        self.health: Health = self.mesh.instances[0].health

    def checks(self) -> HealthChecks:
        """Return the health checks of the node."""
        return self.mesh.instances[0].node.container.get(HealthChecks)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(monkeypatch)
    yield made
    made.mesh.close()


@pytest.mark.parametrize(
    ("failure", "about"),
    [
        (OutageError("PostgreSQL: away", dependency="database"), "outage database"),
        (OutageError("the registry is away"), "outage"),
        (CircuitOpenError("bank", 1.0), "outage bank"),
    ],
    ids=["database", "unnamed", "circuit"],
)
def test_from_its_second_try_a_message_that_waits_is_a_reason(world: World, failure: Exception, about: str) -> None:
    world.failures = {"a": failure, "b": failure}
    world.mesh.send(Act(entity="a"))
    assert world.health.ready, "a short pause is no reason"
    world.mesh.send(Act(entity="b"))
    world.mesh.advance("5s")
    assert world.health.reasons == {about: str(failure)}
    del world.failures["a"]
    world.mesh.advance("2m")
    assert world.health.reasons == {about: str(failure)}, "another message waits"
    world.failures.clear()
    world.mesh.advance("2m")
    assert world.health.ready
    assert sorted(one.entity for one in world.mesh.published(Acted)) == ["a", "b"]
    assert world.mesh.dead_letters() == []


def test_a_reason_changes_with_the_dependency_and_ends_with_the_message(world: World) -> None:
    world.failures["a"] = OutageError("PostgreSQL: away", dependency="database")
    world.mesh.send(Act(entity="a"))
    world.mesh.advance("5s")
    world.failures["a"] = OutageError("bank is away", dependency="http.bank")
    world.mesh.advance("2m")
    assert world.health.reasons == {"outage http.bank": "bank is away"}
    world.failures["a"] = RejectedError("no")
    world.mesh.advance("2m")
    assert world.health.ready
    assert len(world.mesh.dead_letters()) == 1


def test_a_rate_limit_is_no_reason(world: World) -> None:
    world.failures["a"] = RateLimitedError("a", 1.0)
    world.mesh.send(Act(entity="a"))
    world.mesh.advance("1m")
    assert world.health.ready
    assert not world.health.degraded


def test_what_is_not_critical_degrades(world: World) -> None:
    world.checks().add(HealthCheck("database", never, critical=False))
    world.failures["a"] = OutageError("PostgreSQL: away", dependency="database")
    world.mesh.send(Act(entity="a"))
    world.mesh.advance("5s")
    assert world.health.ready
    assert world.health.degraded == {"outage database": "PostgreSQL: away"}
    world.failures.clear()
    world.mesh.advance("2m")
    assert not world.health.degraded
    assert world.mesh.dead_letters() == []


@pytest.mark.parametrize("about", ["dependency database", "health", "health http.bank"])
def test_a_last_attempt_does_not_count_while_a_check_fails(world: World, about: str) -> None:
    """A dependency that is slow: each call exceeds its time limit."""
    world.failures["a"] = CallTimeoutError("bank: no whole response within 30 s")
    world.health.complain(about, "no result within 5 s")
    world.mesh.send(Act(entity="a"))
    world.mesh.advance("1h")
    assert world.mesh.dead_letters() == []
    world.health.clear(about)
    world.failures.clear()
    world.mesh.advance("1m")
    assert [one.attempt for one in world.mesh.published(Acted)] == [3]
    assert world.health.ready


def test_a_call_that_is_slow_for_one_message_alone_ends_it(world: World) -> None:
    world.failures["a"] = CallTimeoutError("bank: no whole response within 30 s")
    world.health.degrade("health", "a mirror is away")
    world.mesh.send(Act(entity="a"))
    world.mesh.advance("1h")
    assert len(world.mesh.dead_letters()) == 1


def test_a_bug_ends_its_message_whatever_else_fails(world: World) -> None:
    world.failures["a"] = KeyError("a")
    world.health.complain("dependency database", "away")
    world.mesh.send(Act(entity="a"))
    assert len(world.mesh.dead_letters()) == 1
