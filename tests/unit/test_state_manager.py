"""State that an operator drops or rebuilds, on the in-memory bus."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer

from onex.agent.state.backends import ProtocolBackend, RocksBackend
from onex.agent.state.memory import StateMemory
from onex.agent.state.standby import Standby
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.group import Group
from onex.bus.protocols import Outgoing, Partition, Position
from onex.dlq import Audit, Author, OffsetManager, StateManager
from onex.errors import BusUnavailableError, ConfigurationError, RejectedError
from onex.model.mesh import EnumDeadLetterAction
from onex.node import Node
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire.positions import UNFINISHED, Mark, mark_of
from tests.conftest import NODES

STATE = "onex.state.node_tally_reducer.v1"
RETRY = "onex.retry.tally.reducer.v1"
TOPIC = "onex.evt.tally.amount.v1"
ALARMS = "node_alarm_orchestrator"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([NODES / "node_tally_reducer" / "v1_0_0", NODES / ALARMS / "v1_0_0"])
    for value in (1, 2, 3):
        driver.send(Amount(entity="e", value=value))
    yield driver
    driver.close()


def desk_of(mesh: MeshDriver, name: str = "node_tally_reducer") -> StateManager:
    node = next(n for n in mesh.nodes if n.contract.name == name)
    return StateManager(mesh.bus, TopicCatalogue(mesh.bus), node, Author("ada", "wrong sums"), "test")


def group_of(mesh: MeshDriver) -> Group:
    return next(group for name, group in mesh.broker.groups.items() if "tally" in name)


def stop(mesh: MeshDriver, node: type[Node] = NodeTallyReducer) -> None:
    for instance in mesh.instances_of(node):
        mesh.remove_instance(instance)


def start(mesh: MeshDriver, node: type[Node] = NodeTallyReducer) -> dict[str, str]:
    """Reasons why a new instance is not ready."""
    instance = mesh.add_instance(node)
    mesh.run_until_idle()
    return dict(instance.health.reasons)


def totals(mesh: MeshDriver) -> list[float]:
    return [tallied.total for tallied in mesh.published(Tallied)]


def used(mesh: MeshDriver) -> Partition:
    (found,) = [p for p in group_of(mesh).positions if p.topic == TOPIC and group_of(mesh).positions[p].offset]
    return found


def actions(mesh: MeshDriver) -> list[EnumDeadLetterAction]:
    return [entry.action for entry in Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()]


def test_a_dropped_state_is_empty_and_positions_stay(mesh: MeshDriver) -> None:
    stop(mesh)
    before = dict(group_of(mesh).positions)
    desk = desk_of(mesh)
    change = desk.plan_drop()
    assert change.offsets == len(mesh.broker.logs[Partition(STATE, used(mesh).partition)].records) == 3
    assert {reset.effect for reset in change.resets} == {"nothing changes"}
    assert group_of(mesh).positions == before, "a plan writes nothing"
    desk.apply(change)
    identity = mesh.broker.topics[STATE].identity
    assert group_of(mesh).positions[used(mesh)] == Position(3, Mark(identity, 0).text())
    assert start(mesh) == {}
    assert totals(mesh) == [1, 3, 6]
    mesh.send(Amount(entity="e", value=10))
    assert totals(mesh)[3:] == [10]
    (entry,) = Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()
    assert (entry.action, entry.letter) == (EnumDeadLetterAction.STATE_DROPPED, STATE)
    assert (entry.who, entry.why, entry.detail) == ("ada", "wrong sums", "3 offsets deleted")


def test_a_rebuilt_state_is_made_of_the_inputs(mesh: MeshDriver) -> None:
    stop(mesh)
    desk = desk_of(mesh)
    change = desk.plan_rebuild()
    assert {r.effect for r in change.resets if r.before.partition == used(mesh)} == {"3 offsets are read again"}
    assert change.incomplete == []
    desk.apply(change)
    assert start(mesh) == {}
    assert totals(mesh)[3:] == [1, 3, 6], "snapshots are published again"
    mesh.send(Amount(entity="e", value=10))
    assert totals(mesh)[-1] == 16
    assert actions(mesh).count(EnumDeadLetterAction.STATE_REBUILT) == 1
    assert actions(mesh).count(EnumDeadLetterAction.RESET) == len(change.resets)


def test_a_rebuild_says_what_the_inputs_have_lost(mesh: MeshDriver) -> None:
    stop(mesh)
    mesh.broker.logs[used(mesh)].truncate(2)
    desk = desk_of(mesh)
    change = desk.plan_rebuild()
    assert change.incomplete == [used(mesh)]
    assert desk.plan_drop().incomplete == ()
    desk.apply(change)
    assert start(mesh) == {}
    assert totals(mesh)[3:] == [3]


def test_a_rebuild_passes_over_what_waits_on_the_retry_topic(mesh: MeshDriver) -> None:
    """A replayed message comes of its input, which is read again; reading both would count it twice."""
    stop(mesh)
    record = mesh.records(TOPIC)[0]
    mesh.bus.publish(Outgoing(RETRY, record.value(), record.key(), record.headers() or [], used(mesh).partition))
    desk = desk_of(mesh)
    change = desk.plan_rebuild()
    assert [r.effect for r in change.resets if r.before.end and r.before.partition.topic == RETRY] == [
        "1 offsets are skipped"
    ]
    desk.apply(change)
    assert start(mesh) == {}
    assert totals(mesh)[3:] == [1, 3, 6]


def test_a_changelog_that_was_lost_is_made_again_by_the_command_that_the_reason_names(mesh: MeshDriver) -> None:
    stop(mesh)
    mesh.bus.admin.remake(STATE)
    (reason,) = set(start(mesh).values())
    assert "rebuild its state from its inputs (onex state rebuild node_tally_reducer --reason TEXT)" in reason
    stop(mesh)
    desk = desk_of(mesh)
    desk.apply(desk.plan_rebuild())
    assert start(mesh) == {}
    assert totals(mesh)[3:] == [1, 3, 6]


@pytest.mark.parametrize("is_rebuild", [False, True])
def test_nothing_happens_while_an_instance_runs(mesh: MeshDriver, *, is_rebuild: bool) -> None:
    desk = desk_of(mesh)
    change = desk.plan_rebuild() if is_rebuild else desk.plan_drop()
    before, identity = dict(group_of(mesh).positions), mesh.broker.topics[STATE].identity
    with pytest.raises(RejectedError, match="node_tally_reducer cannot be set; stop all of its instances first"):
        desk.apply(change)
    assert (group_of(mesh).positions, mesh.broker.topics[STATE].identity) == (before, identity)
    assert actions(mesh) == []


@pytest.mark.parametrize("commits", [1, 2])
def test_an_agent_that_starts_in_the_middle_is_blocked(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    """The command dies: before the changelog is deleted, or behind it."""
    stop(mesh)
    desk = desk_of(mesh)
    change = desk.plan_rebuild()
    commit = MemoryConsumer.commit
    done: list[object] = []

    def dies(consumer: MemoryConsumer, positions: dict[Partition, Position]) -> None:
        done.append(positions)
        if len(done) == 2:
            raise BusUnavailableError("away")
        commit(consumer, positions)

    if commits == 1:
        monkeypatch.setattr(mesh.bus.admin, "remake", _away)
    monkeypatch.setattr(MemoryConsumer, "commit", dies)
    with pytest.raises((BusUnavailableError, RejectedError)):
        desk.apply(change)
    monkeypatch.undo()
    assert {mark_of(at) for at in group_of(mesh).positions.values()} == {UNFINISHED}
    offsets = OffsetManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("ada"), "test")
    assert all("run `onex state drop` or" in at.problem for at in offsets.positions())
    reasons = start(mesh)
    assert len(reasons) == 8, "every input partition"
    assert all(f"deleting the state in {STATE} was begun and has not ended" in text for text in reasons.values())
    assert totals(mesh) == [1, 3, 6]
    stop(mesh)
    desk.apply(desk.plan_rebuild())
    assert start(mesh) == {}
    assert totals(mesh)[3:] == [1, 3, 6]


def _away(_topic: str) -> str:
    raise BusUnavailableError("away")


def test_an_instance_that_was_started_meanwhile_is_named(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    stop(mesh)
    desk = desk_of(mesh)
    remake = mesh.bus.admin.remake

    def slow(topic: str) -> str:
        start(mesh)
        return remake(topic)

    monkeypatch.setattr(mesh.bus.admin, "remake", slow)
    with pytest.raises(RejectedError, match="stop all of its instances first"):
        desk.apply(desk.plan_drop())


def test_a_partition_without_a_position_begins_at_the_earliest_record(mesh: MeshDriver) -> None:
    stop(mesh)
    group_of(mesh).positions.clear()
    desk = desk_of(mesh)
    desk.apply(desk.plan_drop())
    assert start(mesh) == {}, "no state is left that the records would be applied to again"
    assert totals(mesh)[3:] == [1, 3, 6]


def test_what_would_be_published_a_second_time_is_refused(mesh: MeshDriver) -> None:
    mesh.send(SetAlarm(entity="a", after=5.0))
    mesh.advance("10s")
    stop(mesh, NodeAlarmOrchestrator)
    desk = desk_of(mesh, ALARMS)
    with pytest.raises(RejectedError, match=r"a second time to onex\.evt\.alarm\.rang\.v1; --publish-again accepts"):
        desk.plan_rebuild()
    desk.apply(desk.plan_rebuild(publish_again=True))
    assert start(mesh, NodeAlarmOrchestrator) == {}
    mesh.advance("10s")
    assert len(mesh.published(Rang)) == 2


def test_timers_are_dropped_as_well(mesh: MeshDriver) -> None:
    mesh.send(SetAlarm(entity="a", after=5.0))
    stop(mesh, NodeAlarmOrchestrator)
    desk = desk_of(mesh, ALARMS)
    desk.apply(desk.plan_drop())
    assert start(mesh, NodeAlarmOrchestrator) == {}
    mesh.advance("10s")
    assert mesh.published(Rang) == []


def test_a_node_that_reads_what_it_publishes_is_not_rebuilt(mesh: MeshDriver) -> None:
    node = replace(mesh.nodes[0], outputs={Amount: TOPIC})
    desk = StateManager(mesh.bus, TopicCatalogue(mesh.bus), node, Author("ada"), "test")
    with pytest.raises(RejectedError, match=f"reads {TOPIC}, which it publishes itself"):
        desk.plan_rebuild(publish_again=True)
    assert desk.plan_drop().changelog == STATE


def test_a_node_without_state_and_a_missing_changelog_are_refused(mesh: MeshDriver) -> None:
    stateless = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    with pytest.raises(ConfigurationError, match="node_unruly_effect has no state: it is of the kind EFFECT"):
        desk_of(stateless, "node_unruly_effect")
    stateless.close()
    stop(mesh)
    mesh.bus.admin.delete(STATE)
    for plan in (desk_of(mesh).plan_drop, desk_of(mesh).plan_rebuild):
        with pytest.raises(RejectedError, match=f"{STATE} does not exist; run `onex apply`, then this command again"):
            plan()


def test_copies_on_the_disks_of_all_machines_are_thrown_away(mesh: MeshDriver, tmp_path: Path) -> None:
    """One that was behind, one that was at the end, and one that is beyond the end of the new changelog."""
    number, memory = used(mesh).partition, StateMemory(16_000_000)
    identity = mesh.broker.topics[STATE].identity

    def opened(number: int, identity: str, name: str) -> RocksBackend:
        return RocksBackend(tmp_path / f"{name}-{number}", identity, memory)

    for checkpoint in (1, 3, 1000):
        copy = opened(number, identity, str(checkpoint))
        copy.write([(b"se", b"old")], checkpoint, at_end=True)
        copy.close()
    stop(mesh)
    desk = desk_of(mesh)
    desk.apply(desk.plan_drop())
    for checkpoint in (1, 3, 1000):

        def reopened(number: int, identity: str, name: str = str(checkpoint)) -> ProtocolBackend:
            return opened(number, identity, name)

        standby = Standby(mesh.bus, STATE, reopened)
        standby.follow_all_but(())
        standby.step()
        assert standby.keys() == 0
        standby.close()
        copy = opened(number, mesh.broker.topics[STATE].identity, str(checkpoint))
        assert (copy.checkpoint(), copy.get(b"se")) == (0, None)
        copy.close()
