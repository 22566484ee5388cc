"""EFFECT on the in-memory bus: lanes, retries, timeouts, commits, rebalance."""

from collections.abc import Iterator

import pytest
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.effect.outcome import Commit
from onex.bus.protocols import ProtocolConsumer, ProtocolTransaction
from onex.dlq import Author, DeadLetterManager
from onex.errors import BusError
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.testing.effect_runner import MemoryEffectRunner
from tests.conftest import NODES

DLQ = "onex.dlq.unruly.effect.v1"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    NodeUnrulyEffect.done.clear()
    driver = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    yield driver
    driver.close()


def test_a_transient_failure_is_retried_with_backoff(mesh: MeshDriver) -> None:
    sent = mesh.send(Act(entity="e", mood="recovers"))
    assert mesh.published(Acted, sent) == []
    mesh.advance("1s")
    mesh.advance("2s")
    assert mesh.published(Acted, sent) == [Acted(entity="e", number=0, attempt=3)]
    assert mesh.dead_letters() == []


def test_used_up_attempts_become_a_dead_letter_with_their_history(mesh: MeshDriver) -> None:
    sent = mesh.send(Act(entity="e", mood="transient"))
    mesh.advance("10s")
    facts = mesh.dead_letter_of(sent)
    assert (facts["onex-dlq-class"], facts["onex-dlq-attempts"]) == ("transient", "3")
    assert int(facts["onex-dlq-last-failed"]) - int(facts["onex-dlq-first-failed"]) == 3000


@pytest.mark.parametrize("mood", ["raise", "wrong type"])
def test_a_bug_is_not_retried(mesh: MeshDriver, mood: str) -> None:
    sent = mesh.send(Act(entity="e", mood=mood))
    facts = mesh.dead_letter_of(sent)
    assert (facts["onex-dlq-class"], facts["onex-dlq-attempts"]) == ("bug", "1")


def test_a_hanging_handler_times_out_is_retried_and_becomes_a_dead_letter(mesh: MeshDriver) -> None:
    sent = mesh.send(Act(entity="e", mood="hang"))
    mesh.advance("30s")
    facts = mesh.dead_letter_of(sent)
    assert facts["onex-dlq-class"] == "timeout"
    assert NodeUnrulyEffect.done == [("e", 0)] * 3


def test_a_failing_key_parks_its_own_lane_only(mesh: MeshDriver) -> None:
    stuck = [mesh.send(Act(entity="stuck", number=1, mood="recovers")), mesh.send(Act(entity="stuck", number=2))]
    free = [mesh.send(Act(entity=f"free-{n}")) for n in range(40)]
    assert all(mesh.published(Acted, sent) for sent in free)
    assert not any(mesh.published(Acted, sent) for sent in stuck)
    mesh.advance("5s")
    assert all(mesh.published(Acted, sent) for sent in stuck)
    assert [n for entity, n in NodeUnrulyEffect.done if entity == "stuck"] == [1, 1, 1, 2]


def test_what_is_done_beyond_a_stuck_message_does_not_run_again_after_a_crash(mesh: MeshDriver) -> None:
    mesh.send(Act(entity="stuck", number=1, mood="hang"))
    for number in range(20):
        mesh.send(Act(entity=f"free-{number}", number=number))
    (old,) = mesh.instances_of(NodeUnrulyEffect)
    before = sorted(done for done in NodeUnrulyEffect.done if done[0] != "stuck")
    mesh.crash(old)
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    after = sorted(done for done in NodeUnrulyEffect.done if done[0] != "stuck")
    assert before == after
    assert NodeUnrulyEffect.done.count(("stuck", 1)) == 2
    assert len(mesh.published(Acted)) == 20


def test_a_failing_commit_is_repeated_without_running_handlers_again(mesh: MeshDriver) -> None:
    (instance,) = mesh.instances_of(NodeUnrulyEffect)
    instance.fail_next_commit()
    sent = mesh.send(Act(entity="e"))
    mesh.advance("2s")
    assert mesh.published(Acted, sent) == [Acted(entity="e", number=0, attempt=1)]
    assert NodeUnrulyEffect.done == [("e", 0)]
    assert instance.health.ready


def test_an_unwritable_dead_letter_stalls_its_partition_until_it_is_written(mesh: MeshDriver) -> None:
    mesh.broker.denied.add(DLQ)
    (instance,) = mesh.instances_of(NodeUnrulyEffect)
    bad = mesh.send(Act(entity="stuck", mood="raise"))
    assert "its dead letter cannot be written" in str(instance.health.reasons)
    others = [mesh.send(Act(entity=f"other-{n}")) for n in range(20)]
    mesh.advance("5s")
    assert sum(bool(mesh.published(Acted, sent)) for sent in others) >= 10
    mesh.broker.denied.clear()
    mesh.advance("60s")
    assert instance.health.ready
    assert mesh.dead_letter_of(bad)
    assert all(mesh.published(Acted, sent) for sent in others)
    assert len(NodeUnrulyEffect.done) == 21


def test_a_rebalance_repeats_nothing_that_was_finished(mesh: MeshDriver) -> None:
    for number in range(30):
        mesh.send(Act(entity=f"e{number % 7}", number=number), run=number % 5 == 0)
    mesh.add_instance(NodeUnrulyEffect)
    for number in range(30, 60):
        mesh.send(Act(entity=f"e{number % 7}", number=number), run=number % 5 == 0)
    mesh.remove_instance(mesh.instances_of(NodeUnrulyEffect)[0])
    for number in range(60, 90):
        mesh.send(Act(entity=f"e{number % 7}", number=number))
    assert sorted(n for _, n in NodeUnrulyEffect.done) == list(range(90))
    assert sorted(acted.number for acted in mesh.published(Acted)) == list(range(90))
    for entity in {entity for entity, _ in NodeUnrulyEffect.done}:
        numbers = [n for e, n in NodeUnrulyEffect.done if e == entity]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize(("mood", "committed"), [("", True), ("wrong type", True), ("hang", False)])
def test_a_drain_leaves_no_lane_behind(mesh: MeshDriver, mood: str, committed: bool) -> None:
    (instance,) = mesh.instances_of(NodeUnrulyEffect)
    host = instance._runner
    assert isinstance(host, MemoryEffectRunner)
    mesh.run_until_idle()
    mesh.send(Act(entity="e", mood=mood), run=False)

    async def take_and_drain() -> None:
        host.engine.take(host.consumer.batch(10, 0.0))
        await host.engine.drain(host.consumer.assignment(), 0.0)

    host._loop.run_until_complete(take_and_drain())
    assert NodeUnrulyEffect.done == [("e", 0)]
    assert host.engine.in_flight == 0
    assert (host.engine.committer.snapshot() is not None) == committed


def test_bad_input_becomes_a_dead_letter(mesh: MeshDriver) -> None:
    mesh.publish("onex.cmd.unruly.act.v1", b"\x00\x00\x00\x00\xff\x01", b"e", [])
    mesh.publish("onex.cmd.unruly.act.v1", b"[]", b"e", [])
    classes = [dict(record.headers() or [])["onex-dlq-class"] for record in mesh.dead_letters()]
    assert classes == [b"schema", b"rejected"]


def test_a_replayed_dead_letter_reaches_the_node_by_its_retry_topic(mesh: MeshDriver) -> None:
    sent = mesh.send(Act(entity="e", mood="raise"))
    desk = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")
    assert desk.replay([letter for letter, _ in desk.find()]).replayed == 1
    mesh.run_until_idle()
    first, second = mesh.dead_letters()
    again = {name: value.decode(errors="replace") for name, value in second.headers() or []}
    assert again["onex-dlq-message-id"] == sent.id
    assert again["onex-dlq-topic"] == "onex.cmd.unruly.act.v1"
    assert again["onex-dlq-replays"] == "1"
    assert again["onex-dlq-parent"] == f"{first.topic()}-{first.partition()}-{first.offset()}-{first.timestamp()[1]}"
    assert second.value() == first.value()


def test_memory_is_bounded_while_handlers_do_not_return(mesh: MeshDriver) -> None:
    for number in range(4000):
        mesh.send(Act(entity=f"e{number}", mood="hang"), run=False)
    mesh.run_until_idle()
    (instance,) = mesh.instances_of(NodeUnrulyEffect)
    delivery = instance.resolved.contract.delivery
    taken = 4000 - sum(instance.consumer.lag().values())
    assert delivery.concurrency <= taken <= 2 * delivery.concurrency + delivery.batch_size
    assert len(NodeUnrulyEffect.done) == delivery.concurrency


def test_there_is_no_complaint_about_a_partition_that_was_revoked_while_its_commit_failed(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instance,) = mesh.instances_of(NodeUnrulyEffect)
    mesh.send(Act(entity="e"), run=False)
    host = instance._runner
    assert isinstance(host, MemoryEffectRunner)
    original = host.engine.committer.commit

    def lost_meanwhile(
        transaction: ProtocolTransaction, consumer: ProtocolConsumer, commit: Commit, refused: BusError | None
    ) -> BusError | None:
        instance.fail_next_commit()
        host.on_lost(host.consumer.assignment())
        return original(transaction, consumer, commit, refused)

    monkeypatch.setattr(host.engine.committer, "commit", lost_meanwhile)
    instance.step()
    assert host.engine.idle
    assert instance.health.ready, instance.health.reasons
