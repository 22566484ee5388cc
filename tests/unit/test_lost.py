"""Positions, records or state that are lost: the partition is blocked until an operator decides."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from structlog.testing import capture_logs

from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.pure.engine import PureEngine
from onex.agent.telemetry.health import Health
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.group import Group
from onex.bus.protocols import Partition, Position
from onex.dlq import Author, OffsetManager
from onex.errors import BusUnavailableError
from onex.model.message import Message
from onex.node import Node
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire.positions import Mark, mark_of
from tests.conftest import NODES

STATE = "onex.state.node_tally_reducer.v1"
RETRY = "onex.retry.tally.reducer.v1"
KINDS: dict[type[Node], tuple[Message, type[Message]]] = {
    NodeUnrulyCompute: (Ask(entity="e"), Reply),
    NodeUnrulyEffect: (Act(entity="e", number=1), Acted),
    NodeTallyReducer: (Amount(entity="e", value=10), Tallied),
}


class World:
    """One node with three records done, that can be stopped, robbed and started."""

    def __init__(self, kind: type[Node]) -> None:
        NodeUnrulyEffect.done.clear()
        NodeUnrulyEffect.down.clear()
        self.kind = kind
        folder = next(f for f in NODES.glob("*/v1_0_0") if f.parent.name in kind.__module__)
        self.mesh = MeshDriver([folder])
        self.sent, self.answer = KINDS[kind]
        self.topic = self.mesh.topic_of(type(self.sent))
        for _ in range(3):
            self.mesh.send(self.sent)
        (self.where,) = [p for p in self.group.positions if p.topic == self.topic]

    @property
    def group(self) -> Group:
        (group,) = [g for g in self.mesh.broker.groups.values() if g.positions]
        return group

    @property
    def contract_name(self) -> str:
        return self.mesh.nodes[0].contract.name

    def stop(self) -> None:
        for instance in list(self.mesh.instances):
            self.mesh.remove_instance(instance)

    def start(self) -> dict[str, str]:
        """Reasons of a new instance that is not ready."""
        instance = self.mesh.add_instance(self.kind)
        self.mesh.run_until_idle()
        return dict(instance.health.reasons)

    @property
    def answers(self) -> int:
        return len(self.mesh.messages(self.answer))

    def reset(self, to: int | None) -> None:
        """As an operator does."""
        self.stop()
        desk = OffsetManager(
            self.mesh.bus, TopicCatalogue(self.mesh.bus), self.mesh.nodes[0], Author("ada", "seen"), "test"
        )
        desk.reset(desk.plan(desk.positions(self.topic, [self.where.partition]), to))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.mesh.close()


@pytest.fixture
def tally() -> Iterator[World]:
    made = World(NodeTallyReducer)
    yield made
    made.mesh.close()


def blocked(reasons: dict[str, str], *topics: str, number: int) -> str:
    """The one reason why these partitions, and no others, stand still."""
    assert sorted(reasons) == sorted(f"blocked {topic}[{number}]" for topic in topics)
    (reason,) = set(reasons.values())
    return reason


def test_records_that_were_deleted_before_they_were_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.wire.positions._PERHAPS_MARKERS", 1)
    world.stop()
    for _ in range(4):
        world.mesh.send(world.sent)
    world.mesh.broker.logs[world.where].truncate(5)
    reason = blocked(world.start(), world.topic, number=world.where.partition)
    assert "records 3 to 4 were deleted before they were read" in reason
    assert f"onex offsets reset {world.contract_name} {world.topic} --partition {world.where.partition}" in reason
    world.mesh.send(world.sent)
    assert world.answers == 3
    world.reset(0)
    assert world.start() == {}
    assert world.answers == 6


def test_retention_passes_a_running_node(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.wire.positions._PERHAPS_MARKERS", 1)
    (instance,) = world.mesh.instances
    instance.muted = True
    for _ in range(4):
        world.mesh.send(world.sent)
    world.mesh.broker.logs[world.where].truncate(5)
    instance.muted = False
    with pytest.raises(BusUnavailableError, match="offset 3 is out of range"):
        world.mesh.run_until_idle()
    world.mesh.crash(instance)
    assert "records 3 to 4 were deleted" in blocked(world.start(), world.topic, number=world.where.partition)
    assert world.answers == 3


def test_markers_of_transactions_that_were_deleted_are_no_records(world: World) -> None:
    """A position is one after the last record; no consumer reads the marker behind it, and retention deletes it."""
    world.stop()
    world.mesh.send(world.sent)
    world.mesh.broker.logs[world.where].truncate(4)
    with capture_logs() as lines:
        assert world.start() == {}
    (line,) = [line for line in lines if line["event"].startswith("offsets were deleted")]
    assert (line["first"], line["last"]) == (3, 3)
    world.mesh.send(world.sent)
    assert world.answers == 4


def test_a_skip_does_not_lift_it(tally: World) -> None:
    held = BlockedPartitions(tally.mesh.clock, Health())
    held.lose(tally.where, "state is gone")
    held.unblock(tally.where)
    assert held.is_blocked(tally.where)
    held.forget(tally.where)
    assert not held.is_blocked(tally.where)


def test_an_input_that_is_assigned_later_is_blocked_as_well(tally: World) -> None:
    tally.stop()
    tally.group.positions.clear()
    tally.start()
    (agent,) = [instance._runner for instance in tally.mesh.instances]
    assert isinstance(agent, PureEngine)
    later = Partition(RETRY, tally.where.partition)
    agent._blocked.forget(later)
    agent.on_assigned([later], {})
    assert agent._blocked.is_blocked(later)


def test_a_topic_that_was_made_again_is_shorter_than_the_position(world: World) -> None:
    world.stop()
    state = world.mesh.broker.topics[world.topic]
    world.mesh.bus.admin.delete(world.topic)
    world.mesh.broker.create(state)
    world.mesh.send(world.sent)
    assert "position 3 is committed, but the topic ends at 1" in blocked(
        world.start(), world.topic, number=world.where.partition
    )
    world.reset(0)
    assert world.start() == {}
    assert world.answers == 4


def test_a_client_that_goes_back_to_what_is_done_is_replaced(world: World) -> None:
    (instance,) = world.mesh.instances
    instance.rewind()
    with pytest.raises(BusUnavailableError, match=r"went back to offset 0, but everything below 3 was read before"):
        world.mesh.run_until_idle()
    assert world.answers == 3
    world.mesh.crash(instance)
    assert world.start() == {}
    world.mesh.send(world.sent)
    assert world.answers == 4


def test_a_client_may_go_back_before_it_has_read_anything(world: World) -> None:
    """What an earlier owner has committed counts as well."""
    world.stop()
    world.mesh.send(world.sent)
    instance = world.mesh.add_instance(world.kind)
    reconcile = MemoryConsumer._reconcile

    def from_the_first(consumer: MemoryConsumer) -> None:
        reconcile(consumer)
        consumer.rewind()

    reads_again = pytest.raises(BusUnavailableError, match="everything below 3")
    with patch.object(MemoryConsumer, "_reconcile", from_the_first), reads_again:
        world.mesh.run_until_idle()
    world.mesh.crash(instance)
    assert world.start() == {}
    assert world.answers == 4


def test_a_topic_that_is_made_again_while_it_is_read(world: World) -> None:
    state = world.mesh.broker.topics[world.topic]
    world.mesh.bus.admin.delete(world.topic)
    world.mesh.broker.create(state)
    (instance,) = world.mesh.instances
    instance.rewind()
    with pytest.raises(BusUnavailableError):
        world.mesh.send(world.sent)
    world.mesh.crash(instance)
    assert "position 3 is committed, but the topic ends at 1" in blocked(
        world.start(), world.topic, number=world.where.partition
    )


def test_all_that_was_kept_may_be_gone_when_all_of_it_was_read(world: World) -> None:
    world.stop()
    world.mesh.broker.logs[world.where].truncate(3)
    assert world.start() == {}
    world.mesh.send(world.sent)
    assert world.answers == 4


def test_state_without_a_position(tally: World) -> None:
    tally.stop()
    tally.group.positions.clear()
    reason = blocked(tally.start(), tally.topic, RETRY, number=tally.where.partition)
    assert "holds state, but no position is committed" in reason
    assert tally.answers == 3, "nothing is applied to the state again"
    tally.reset(None)
    assert tally.start() == {}
    tally.mesh.send(tally.sent)
    assert tally.mesh.published(Tallied)[-1].total == 40


def test_a_changelog_that_was_made_again(tally: World) -> None:
    tally.stop()
    state = tally.mesh.broker.topics[STATE]
    tally.mesh.bus.admin.delete(STATE)
    tally.mesh.broker.create(state)
    assert f"{STATE} was deleted and made again" in blocked(
        tally.start(), tally.topic, RETRY, number=tally.where.partition
    )
    tally.mesh.send(tally.sent)
    assert tally.answers == 3
    tally.reset(0)  # build it again from the events
    assert tally.start() == {}
    assert tally.mesh.published(Tallied)[-1].total == 40


@pytest.mark.parametrize("left", [0, 1])
def test_a_changelog_that_was_cut(tally: World, left: int) -> None:
    tally.stop()
    log = tally.mesh.broker.logs[Partition(STATE, tally.where.partition)]
    reached = len(log.records) - 1  # the last commit was marked before its changes were written
    del log.records[left:]
    reason = blocked(tally.start(), tally.topic, RETRY, number=tally.where.partition)
    assert f"{STATE} ends at offset {left}, but it had reached {reached}" in reason
    assert f"onex offsets reset node_tally_reducer {tally.topic} --partition {tally.where.partition}" in reason
    tally.reset(None)
    assert tally.start() == {}
    tally.mesh.send(tally.sent)
    assert tally.mesh.published(Tallied)[-1].total == 10 * (left + 1)


def test_a_changelog_that_was_emptied(tally: World) -> None:
    tally.stop()
    log = tally.mesh.broker.logs[Partition(STATE, tally.where.partition)]
    log.truncate(len(log.records))
    reason = blocked(tally.start(), tally.topic, RETRY, number=tally.where.partition)
    assert "state that was written before is deleted" in reason
    tally.reset(0)
    assert tally.start() == {}
    assert tally.mesh.published(Tallied)[-1].total == 30, "applied again to nothing"


def test_positions_of_earlier_versions_have_no_mark(tally: World) -> None:
    tally.stop()
    positions = tally.group.positions
    positions[tally.where] = Position(positions[tally.where].offset)
    assert tally.start() == {}
    tally.mesh.send(tally.sent)
    mark = mark_of(positions[tally.where])
    assert mark is not None
    assert mark.identity == tally.mesh.broker.topics[STATE].identity
    assert mark.checkpoint > 0


@pytest.mark.parametrize(
    "text", ["", "7", "changelog", "changelog a", "changelog a b c", "changelog a -1", "\x00 \xff 1"]
)
def test_metadata_of_others_is_no_mark(text: str) -> None:
    assert mark_of(Position(1, text)) is None
    assert mark_of(Position(1, Mark("id", 7).text())) == Mark("id", 7)
