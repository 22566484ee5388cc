"""Pausing a node: its agents take nothing, fire no timers, and say so."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from typer.testing import CliRunner

from onex.agent.message.pause import PauseSwitch
from onex.agent.process.pause_watch import PauseWatch
from onex.agent.pure.intake import Intake
from onex.agent.telemetry.health import Health
from onex.bus.memory import MemoryEventBus
from onex.bus.protocols import Outgoing, Partition, ProtocolConsumer, ProtocolRecord
from onex.cli.main import app
from onex.dlq import Audit
from onex.errors import BusError, BusUnavailableError
from onex.model.mesh import IntakeOrdered
from onex.provisioning.declared import declare
from onex.schema.intake_orders import IntakeOrders
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import ManualClock, MeshDriver
from tests.conftest import NODES

AT = datetime(2026, 1, 1, tzinfo=UTC)


def order(node: str, paused: bool = True, env: str = "e", why: str = "") -> IntakeOrdered:
    return IntakeOrdered(node=node, env=env, paused=paused, who="me", why=why, at=AT)


def publish(bus: MemoryEventBus, orders: IntakeOrders, *made: IntakeOrdered) -> None:
    for one in made:
        bus.publish(orders.record_of(one))


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


def test_the_latest_order_of_the_environment_holds_and_survives(
    alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = TopicCatalogue(alarms.bus)
    orders = IntakeOrders(alarms.bus, catalogue, "e")
    assert not orders.refresh()
    publish(alarms.bus, orders, order("a"))
    publish(alarms.bus, orders, order("b"))
    publish(alarms.bus, orders, order("b", env="another"))
    assert sorted(orders.refresh()) == ["a", "b"]
    publish(alarms.bus, orders, order("a", paused=False))
    assert list(orders.refresh()) == ["b"]
    with monkeypatch.context() as patch:
        patch.delattr(type(alarms.bus.admin), "ends")  # a look that finds nothing new is one request, for stable ends
        assert list(orders.refresh()) == ["b"]
    assert list(IntakeOrders(alarms.bus, catalogue, "e").refresh()) == ["b"]
    assert declare(alarms.nodes, 1).topics[orders.topic].state.config == {"cleanup.policy": "compact"}


def test_an_agent_follows_orders_and_keeps_the_last_one_while_they_cannot_be_read(
    alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e")
    switch = PauseSwitch(Health())
    watch = PauseWatch(orders, "a", switch)
    publish(alarms.bus, orders, order("a"))
    with watch.looking():
        assert switch.is_paused
        assert switch.available(9) == 0

    def fails() -> None:
        raise BusError("away")

    with monkeypatch.context() as patch:
        patch.setattr(orders, "refresh", fails)
        watch.look()
        assert switch.is_paused

        def is_silent() -> None:
            raise BusUnavailableError("no broker answers")

        patch.setattr(orders, "refresh", is_silent)
        watch.look()
        with pytest.raises(BusUnavailableError), watch.looking():
            pass
    assert switch.is_paused
    publish(alarms.bus, orders, order("a", paused=False))
    watch.look()
    assert not switch.is_paused
    assert switch.available(9) == 9


def test_records_of_any_client_pause_nothing(alarms: MeshDriver) -> None:
    orders = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e")
    of_alarm = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e", only="a")
    good, bad = orders.record_of(order("a")), orders.record_of(order("b"))
    alarms.bus.publish(good)
    for value, key in ((bad.value, b"a"), (bad.value, None), (b"\xff", b"b"), (None, b"b"), (good.value, b"b")):
        alarms.bus.publish(Outgoing(orders.topic, value, key, []))
    assert list(orders.refresh()) == ["a"]
    assert list(of_alarm.refresh()) == ["a"]
    publish(alarms.bus, orders, order("b"))
    assert list(orders.refresh()) == ["a", "b"]
    assert list(of_alarm.refresh()) == ["a"]


def test_texts_of_an_order_are_cut_and_shown_on_one_line() -> None:
    health = Health()
    PauseSwitch(health).set(order("a", why="x\n\x1b" * 1000))
    reason = health.degradations()["paused"]
    assert len(reason) < 1500
    assert reason.isprintable()


def test_a_topic_that_was_created_again_is_read_from_its_beginning(alarms: MeshDriver) -> None:
    orders = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e")
    publish(alarms.bus, orders, order("a"), order("a", why="again"), order("b"))
    assert list(orders.refresh()) == ["a", "b"]
    alarms.bus.admin.remake(orders.topic)
    publish(alarms.bus, orders, order("b"))
    assert list(orders.refresh()) == ["b"]


def test_a_mesh_without_the_topic_has_no_pauses(alarms: MeshDriver) -> None:
    orders = IntakeOrders(alarms.bus, TopicCatalogue(alarms.bus), "e", "elsewhere-")
    assert not orders.refresh()


class Reads:
    """A consumer of which a test decides what each read returns, and what happens during the read."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self.partitions = partitions
        self.paused: set[Partition] = set()
        self.during: Callable[[], None] = lambda: None

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        self.during()
        return ()

    def assignment(self) -> Sequence[Partition]:
        return self.partitions

    def positions(self) -> Mapping[Partition, int]:
        return {}

    def pause(self, partitions: Sequence[Partition]) -> None:
        self.paused |= set(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        self.paused -= set(partitions)


def test_a_partition_that_is_assigned_while_a_pause_begins_is_read_after_the_pause() -> None:
    switch, reads = PauseSwitch(Health()), Reads([Partition("t", 0)])
    consumer = cast(ProtocolConsumer, reads)
    intake = Intake([switch], lambda _: False, ManualClock())

    def assigned_while_paused() -> None:
        switch.set(order("a"))
        intake.assigned(consumer, reads.partitions)
        switch.set(None)

    reads.during = assigned_while_paused
    intake.read(consumer, 9, 0.0)
    assert reads.paused == {Partition("t", 0)}
    reads.during = lambda: None
    intake.read(consumer, 9, 0.0)
    assert not reads.paused


def test_the_command_pauses_and_resumes_a_node_with_an_audit_entry(
    alarms: MeshDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setenv("ONEX_ENV", "e")
    monkeypatch.setattr("onex.cli.pause.open_own_bus", lambda _: alarms.bus)
    monkeypatch.setattr("onex.cli.nodes.open_bus", lambda _: alarms.bus)
    for module in ("pause", "nodes"):
        monkeypatch.setattr(f"onex.cli.{module}.open_catalogue", lambda *_: TopicCatalogue(alarms.bus))

    def onex(*arguments: str) -> str:
        found = CliRunner().invoke(app, [*arguments, "--services", str(NODES / "node_alarm_orchestrator")])
        assert found.exit_code == 0, (found.output, found.exception)
        return found.output

    name = "node_alarm_orchestrator"
    assert "not paused already" in onex("resume", name)
    assert json.loads(onex("pause", name, "--why", "a check", "--as", "me", "--json"))["changed"]
    assert f"{name} is paused already" in onex("pause", name)
    (view,) = json.loads(onex("nodes", "--json"))
    assert view["paused"]
    assert "a check" in onex("node", "show", name)
    publish(alarms.bus, IntakeOrders(alarms.bus, alarms.catalogue, "e"), order("node_removed_effect"))
    assert "paused, and not in these service folders: node_removed_effect;" in onex("nodes")
    for paused in ("node_removed_effect", name):
        assert "take inputs again within two seconds" in onex("resume", paused)
    assert not IntakeOrders(alarms.bus, alarms.catalogue, "e").refresh()
    entries = [(e.node, e.action, e.who, e.why) for e in Audit(alarms.bus, alarms.catalogue).entries()]
    assert (name, "intake_paused", "me", "a check") in entries
    assert sorted(entry[:2] for entry in entries if entry[1] == "intake_resumed") == [
        (name, "intake_resumed"),
        ("node_removed_effect", "intake_resumed"),
    ]
