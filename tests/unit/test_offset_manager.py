"""Committed positions of a node, shown and set by an operator, on the in-memory bus."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.effect.offsets import OffsetTracker
from onex.bus.protocols import Partition, Position
from onex.dlq import Audit, Author, OffsetManager, PartitionPosition
from onex.errors import BusUnavailableError, RejectedError
from onex.model.mesh import EnumDeadLetterAction
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from tests.conftest import NODES

TOPIC = "onex.cmd.unruly.act.v1"
RETRY = "onex.retry.unruly.effect.v1"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    driver = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    for number in range(4):
        driver.send(Act(entity="e", number=number))
    yield driver
    driver.close()


@pytest.fixture
def desk(mesh: MeshDriver) -> OffsetManager:
    return OffsetManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("ada", "again"), "test")


def used(desk: OffsetManager) -> PartitionPosition:
    (found,) = [at for at in desk.positions(TOPIC) if at.end]
    return found


def stop(mesh: MeshDriver) -> None:
    mesh.remove_instance(mesh.instances[0])


def numbers(mesh: MeshDriver) -> list[int]:
    return [acted.number for acted in mesh.published(Acted)]


def test_positions_of_all_topics_of_one_and_of_some_partitions(mesh: MeshDriver, desk: OffsetManager) -> None:
    every = desk.positions()
    assert {at.partition.topic for at in every} == {TOPIC, RETRY}
    assert sum(at.behind for at in every) == 0
    at = used(desk)
    assert (at.first, at.end, at.committed, at.problem) == (0, 4, Position(4), "")
    number = at.partition.partition
    assert desk.positions(TOPIC, [number]) == [at]
    with pytest.raises(RejectedError, match="does not read 'x'; it reads onex.cmd.unruly.act.v1, onex.retry"):
        desk.positions("x")
    with pytest.raises(RejectedError, match="has no partition 99; it has 4"):
        desk.positions(TOPIC, [number, 99])


def test_a_position_that_is_set_makes_records_run_again(mesh: MeshDriver, desk: OffsetManager) -> None:
    before = used(desk)
    stop(mesh)
    (reset,) = desk.plan([before], 1)
    assert (reset.to, reset.effect) == (1, "3 offsets are read again")
    assert used(desk) == before, "a plan writes nothing"
    NodeUnrulyEffect.done.clear()
    desk.reset([reset])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    assert numbers(mesh) == [0, 1, 2, 3, 1, 2, 3]
    (entry,) = Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()
    assert (entry.action, entry.who, entry.why) == (EnumDeadLetterAction.RESET, "ada", "again")
    assert (entry.letter, entry.detail) == (f"{TOPIC}-{before.partition.partition}-1", "from 4 to 1")


def test_a_position_that_is_set_passes_records_over(mesh: MeshDriver, desk: OffsetManager) -> None:
    stop(mesh)
    for number in (4, 5):
        mesh.send(Act(entity="e", number=number))
    (reset,) = desk.plan([used(desk)], None)
    assert reset.effect == "2 offsets are skipped"
    desk.reset([reset])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.send(Act(entity="e", number=6))
    assert numbers(mesh) == [0, 1, 2, 3, 6]


def test_nothing_is_set_while_an_instance_runs(mesh: MeshDriver, desk: OffsetManager) -> None:
    before = used(desk)
    with pytest.raises(RejectedError, match="node_unruly_effect cannot be set; stop all of its instances first"):
        desk.reset(desk.plan([before], 0))
    assert used(desk) == before
    assert list(Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()) == []


def test_targets_stay_within_the_topic(mesh: MeshDriver, desk: OffsetManager) -> None:
    at = [used(desk)]
    early, late = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    assert [desk.plan(at, to)[0].to for to in (0, 2, 10**17, None, early, late)] == [0, 2, 4, 4, 0, 4]
    assert desk.plan(at, 4)[0].effect == "nothing changes"


def test_what_cannot_be_right_is_named() -> None:
    place = Partition("t", 0)
    tracker = OffsetTracker(Position(10))
    for offset in (10, 11, 12):
        tracker.take(offset)
    tracker.finish(11)
    cases = [
        (PartitionPosition(place, 0, 20, None), 20, ""),
        (PartitionPosition(place, 5, 20, Position(10)), 10, ""),
        (PartitionPosition(place, 5, 20, tracker.position()), 9, ""),
        (
            PartitionPosition(place, 1500, 1505, Position(10)),
            5,
            "records 10 to 1499 were deleted before they were read",
        ),
        (PartitionPosition(place, 15, 20, Position(10)), 5, ""),  # markers of transactions, perhaps
        (PartitionPosition(place, 0, 3, Position(10)), 0, "position 10 is committed, but the topic ends at 3"),
    ]
    for at, behind, problem in cases:
        assert at.behind == behind
        assert at.problem.startswith(problem)
        assert bool(at.problem) == bool(problem)


def test_a_bus_that_is_away_sets_nothing(
    mesh: MeshDriver, desk: OffsetManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    resets = desk.plan([used(desk)], 0)
    stop(mesh)
    monkeypatch.setattr(mesh.broker, "require_up", _away)
    with pytest.raises((RejectedError, BusUnavailableError)):
        desk.reset(resets)
    monkeypatch.undo()
    assert used(desk).committed == Position(4)


def _away() -> None:
    raise BusUnavailableError("away")
