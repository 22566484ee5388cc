"""``dead_letter.order_fence``: later messages of a key wait for its dead letter."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from pydantic import ValidationError

from onex.contract import ResolvedNode, resolve_node
from onex.dlq import Author, DeadLetter, DeadLetterManager, LetterFilter
from onex.model.contract import ModelContract, ModelErrorHandling
from onex.model.mesh import EnumDeadLetterAction
from onex.provisioning.declared import declare
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from tests.conftest import NODES


def fenced(**policy: object) -> ResolvedNode:
    resolved = resolve_node(NODES / "node_unruly_effect" / "v1_0_0")
    handling = ModelErrorHandling.model_validate(
        {
            "retry_policy": {"max_attempts": 2, "base_delay": "1s", "jitter": 0.0, **policy},
            "dead_letter": {"order_fence": True, "park_after": 10},
        }
    )
    return replace(resolved, contract=resolved.contract.model_copy(update={"error_handling": handling}))


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    driver = MeshDriver([fenced()])
    yield driver
    NodeUnrulyEffect.down.clear()
    driver.close()


def desk_of(mesh: MeshDriver) -> DeadLetterManager:
    return DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")


def open_letters(mesh: MeshDriver) -> list[DeadLetter]:
    return [letter for letter, _ in desk_of(mesh).find(LetterFilter())]


def numbers(mesh: MeshDriver, entity: str) -> list[int]:
    return [acted.number for acted in mesh.published(Acted) if acted.entity == entity]


def bury_the_first_of_three(mesh: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("e")
    mesh.send(Act(entity="e", number=1))
    mesh.advance("2s")
    NodeUnrulyEffect.down.clear()
    mesh.send(Act(entity="e", number=2))
    mesh.send(Act(entity="f", number=9))
    mesh.send(Act(entity="e", number=3))
    assert numbers(mesh, "e") == []
    assert numbers(mesh, "f") == [9]


def test_later_messages_wait_for_the_replay_and_follow_it(mesh: MeshDriver) -> None:
    bury_the_first_of_three(mesh)
    desk_of(mesh).replay(open_letters(mesh))
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [1, 2, 3]
    mesh.send(Act(entity="e", number=4))
    assert numbers(mesh, "e") == [1, 2, 3, 4]


def test_a_replay_that_fails_blocks_the_key_further(mesh: MeshDriver) -> None:
    bury_the_first_of_three(mesh)
    NodeUnrulyEffect.down.add("e")
    desk_of(mesh).replay(open_letters(mesh))
    mesh.advance("5s")
    NodeUnrulyEffect.down.clear()
    mesh.advance("5s")
    assert numbers(mesh, "e") == []
    assert len(open_letters(mesh)) == 1
    desk_of(mesh).replay(open_letters(mesh))
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [1, 2, 3]


def test_dropping_the_letter_frees_the_key(mesh: MeshDriver) -> None:
    bury_the_first_of_three(mesh)
    assert desk_of(mesh).mark(open_letters(mesh), EnumDeadLetterAction.DROPPED) == 1
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [2, 3]


def test_the_key_is_blocked_across_a_crash(mesh: MeshDriver) -> None:
    bury_the_first_of_three(mesh)
    mesh.crash(mesh.instances[0])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.send(Act(entity="e", number=4))
    assert numbers(mesh, "e") == []
    desk_of(mesh).replay(open_letters(mesh))
    mesh.crash(mesh.instances[0])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [1, 2, 3, 4]
    mesh.crash(mesh.instances[0])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.send(Act(entity="e", number=5))
    assert numbers(mesh, "e") == [1, 2, 3, 4, 5]


def test_an_unreadable_message_blocks_its_key_too_and_is_replayed_in_order(mesh: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("e")
    mesh.send(Act(entity="e", number=1), run=False)
    mesh.publish("onex.cmd.unruly.act.v1", b"\x00junk", b"e", [], run=False)
    mesh.send(Act(entity="e", number=2))
    mesh.advance("0.5s")
    NodeUnrulyEffect.down.clear()
    mesh.advance("5s")
    assert numbers(mesh, "e") == [1]
    desk_of(mesh).mark(open_letters(mesh), EnumDeadLetterAction.DROPPED)
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [1, 2]


def test_two_dead_letters_of_a_key_are_released_one_by_one(mesh: MeshDriver) -> None:
    bury_the_first_of_three(mesh)
    mesh.send(Act(entity="e", number=4, mood="raise"))
    mesh.send(Act(entity="e", number=5))
    desk_of(mesh).replay(open_letters(mesh))
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [1, 2, 3]
    (second,) = open_letters(mesh)
    desk = desk_of(mesh)
    desk.edit(desk.prepare_edit(second, {"mood": "good"}))
    desk.replay(open_letters(mesh))
    mesh.run_until_idle()
    assert numbers(mesh, "e") == [1, 2, 3, 4, 5]


def test_dropping_a_letter_for_which_no_key_waits_changes_nothing(mesh: MeshDriver) -> None:
    bury_the_first_of_three(mesh)
    letters = open_letters(mesh)
    for _ in range(2):
        desk_of(mesh).mark(letters, EnumDeadLetterAction.DROPPED)
        mesh.run_until_idle()
    assert numbers(mesh, "e") == [2, 3]
    assert len(mesh.dead_letters()) == 1


def test_the_fence_belongs_to_effects_in_key_order_and_keeps_its_topic_as_long_as_letters() -> None:
    topic = declare([fenced()], 1).topics["onex.retry.unruly.effect.v1"]
    assert topic.state.config["retention.ms"] == str(30 * 86_400_000)
    facts = fenced().contract.model_dump()
    for change in ({"delivery": {"ordering": "none"}}, {"name": "node_x_reducer", "node_type": "REDUCER"}):
        with pytest.raises(ValidationError, match="order_fence"):
            ModelContract.model_validate({**facts, **change})


def test_a_moved_message_whose_output_only_the_broker_finds_too_large_frees_its_key() -> None:
    NodeUnrulyEffect.done.clear()
    mesh = MeshDriver([fenced(max_attempts=6, in_memory="1s")])
    entity = "e" * 500
    NodeUnrulyEffect.down.add(entity)
    for number in (1, 2):
        mesh.send(Act(entity=entity, number=number))
    mesh.advance("2s")
    assert len(mesh.records("onex.retry.unruly.effect.v1")) >= 2, "both are moved"
    limits = [{"max.message.bytes": "600"}, {"max.message.bytes": "100000"}]
    mesh.bus.admin.alter("onex.evt.unruly.acted.v1", limits[0])  # the agent does not hear of it at once
    NodeUnrulyEffect.down.clear()
    while not mesh.dead_letters():
        mesh.advance("1s")
    mesh.bus.admin.alter("onex.evt.unruly.acted.v1", limits[1])
    mesh.advance("90s")
    assert len(mesh.records("onex.retry.unruly.effect.v1")) == 2, "nothing is noted about what is done"
    assert [letter.facts["class"] for letter in open_letters(mesh)] == ["rejected", "rejected"]
    for _ in range(2):
        mesh.send(Act(entity=entity, number=3))
        mesh.crash(mesh.instances[0])
        mesh.add_instance(NodeUnrulyEffect)
        mesh.advance("90s")
    assert numbers(mesh, entity) == [3, 3]
    assert len(mesh.dead_letters()) == 2
    mesh.close()
