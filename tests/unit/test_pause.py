"""Pausing a node: its agents take nothing, fire no timers, and say so."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.message.pause import PauseSwitch
from onex.agent.process.pause_watch import PauseWatch
from onex.agent.telemetry.health import Health
from onex.errors import BusError
from onex.model.mesh import IntakeOrdered
from onex.provisioning.declared import declare
from onex.schema.intake_orders import IntakeOrders
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from tests.conftest import NODES

AT = datetime(2026, 1, 1, tzinfo=UTC)


def order(node: str, paused: bool = True, env: str = "e", why: str = "") -> IntakeOrdered:
    return IntakeOrdered(node=node, env=env, paused=paused, who="me", why=why, at=AT)


@pytest.fixture
def alarms() -> Iterator[MeshDriver]:
    driver = MeshDriver([NODES / "node_alarm_orchestrator" / "v1_0_0"])
    yield driver
    driver.close()


def switch_of(mesh: MeshDriver) -> tuple[PauseSwitch, Health]:
    (instance,) = mesh.instances
    return instance.pause, instance.health


def test_a_paused_pure_node_takes_no_inputs_and_fires_no_timers(alarms: MeshDriver) -> None:
    alarms.send(SetAlarm(entity="before", after=5))
    switch, health = switch_of(alarms)
    switch.set(order("node_alarm_orchestrator", why="a check"))
    assert health.ready
    assert health.degradations()["paused"].startswith("by me at 2026-01-01 00:00:00: a check; `onex resume")
    (instance,) = alarms.instances
    taken = instance.metrics.total_received()
    alarms.send(SetAlarm(entity="after", after=5))
    alarms.advance("60s")
    assert instance.metrics.total_received() == taken == 1
    assert not alarms.published(Rang)
    switch.set(None)
    assert not health.degradations()
    alarms.advance("60s")
    assert sorted(rang.entity for rang in alarms.published(Rang)) == ["after", "before"]


def test_a_paused_effect_takes_no_inputs() -> None:
    NodeUnrulyEffect.done.clear()
    mesh = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    try:
        switch, _ = switch_of(mesh)
        switch.set(order("node_unruly_effect"))
        mesh.send(Act(entity="e", number=1))
        mesh.advance("5s")
        assert not mesh.published(Acted)
        switch.set(None)
        mesh.advance("5s")
        assert len(mesh.published(Acted)) == 1
    finally:
        mesh.close()


def test_the_latest_order_of_the_environment_holds_and_survives(alarms: MeshDriver) -> None:
    catalogue = TopicCatalogue(alarms.bus)
    orders = IntakeOrders(alarms.bus, catalogue, "e")
    assert not orders.refresh()
    orders.order(order("a"))
    orders.order(order("b"))
    orders.order(order("b", env="another"))
    assert sorted(orders.refresh()) == ["a", "b"]
    orders.order(order("a", paused=False))
    assert list(orders.refresh()) == ["b"]
    assert list(IntakeOrders(alarms.bus, catalogue, "e").refresh()) == ["b"]
    assert declare(alarms.nodes, 1).topics[orders.topic].state.config == {"cleanup.policy": "compact"}


def test_an_agent_follows_orders_and_keeps_the_last_one_while_they_cannot_be_read(
    alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e")
    switch = PauseSwitch(Health())
    watch = PauseWatch(orders, "a", switch)
    orders.order(order("a"))
    with watch.looking():
        assert switch.is_paused
        assert switch.available(9) == 0

    def fails() -> None:
        raise BusError("away")

    with monkeypatch.context() as patch:
        patch.setattr(orders, "refresh", fails)
        watch.look()
    assert switch.is_paused
    orders.order(order("a", paused=False))
    watch.look()
    assert not switch.is_paused
    assert switch.available(9) == 9


def test_a_mesh_without_the_topic_has_no_pauses(alarms: MeshDriver) -> None:
    orders = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e", "elsewhere-")
    assert not orders.refresh()
