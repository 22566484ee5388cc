"""Retries: the policy, the way to the retry topic, and the order of keys on it."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.effect import parking, retry_topic
from onex.agent.effect.retry_policy import RetryPlan
from onex.bus.protocols import Partition
from onex.contract import ResolvedNode, resolve_node
from onex.model.contract import ModelDelivery, ModelErrorHandling, ModelRetryPolicy
from onex.model.enums import EnumBackoff, EnumOrdering
from onex.node import RejectedError, TransientError
from onex.testing import MeshDriver
from onex.testing.effect_runner import MemoryEffectRunner
from onex.wire import headers as h
from onex.wire.retry import Attempts
from tests.conftest import NODES

RETRY = "onex.retry.unruly.effect.v1"
POLICY = ModelRetryPolicy(max_attempts=6, base_delay=1.0, max_delay=60.0, jitter=0.0, in_memory=2.0)


def unruly(policy: ModelRetryPolicy = POLICY, ordering: EnumOrdering = EnumOrdering.KEY) -> ResolvedNode:
    resolved = resolve_node(NODES / "node_unruly_effect" / "v1_0_0")
    changes = {
        "error_handling": ModelErrorHandling(retry_policy=policy),
        "delivery": ModelDelivery(timeout=5.0, concurrency=10, ordering=ordering),
    }
    return replace(resolved, contract=resolved.contract.model_copy(update=changes))


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    yield
    NodeUnrulyEffect.down.clear()


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([unruly()])
    yield driver
    driver.close()


def test_parked_messages_are_bounded_by_their_bytes(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "MAX_PARKED_BYTES", 10_000)
    names = [f"{number}-" + "x" * 1500 for number in range(8)]
    NodeUnrulyEffect.down.update(names)
    for name in names:
        mesh.send(Act(entity=name, number=1))
    moved = {record.key() for record in mesh.records(RETRY)}
    assert 2 <= len(moved) <= 6, "the first ones wait in memory, the others on the retry topic"
    NodeUnrulyEffect.down.clear()
    mesh.advance("10s")
    assert {acted.entity for acted in mesh.published(Acted)} == set(names)


def test_a_partition_is_read_no_further_while_too_many_bytes_wait_behind_one_key(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MAX_PARKED_BYTES", 20_000)
    name = "x" * 1500
    NodeUnrulyEffect.down.add(name)
    for number in range(100):
        mesh.send(Act(entity=name, number=number))
    (instance,) = mesh.instances
    host = instance._runner
    assert isinstance(host, MemoryEffectRunner)
    assert host.engine.in_flight < 30
    assert host.engine.partitions_to_pause
    NodeUnrulyEffect.down.clear()
    mesh.advance("10s")
    assert [acted.number for acted in mesh.published(Acted)] == list(range(100))


def attempts_at(count: int) -> Attempts:
    return Attempts(count, first_failed_ms=0)


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (EnumBackoff.FIXED, [1.0, 1.0, 1.0, 1.0, None]),
        (EnumBackoff.LINEAR, [1.0, 2.0, 3.0, 4.0, None]),
        (EnumBackoff.EXPONENTIAL, [1.0, 2.0, 4.0, 5.0, None]),
    ],
)
def test_delays_grow_as_declared_and_stay_below_the_limit(backoff: EnumBackoff, expected: list[float | None]) -> None:
    policy = ModelRetryPolicy(max_attempts=5, base_delay=1.0, max_delay=5.0, backoff=backoff, jitter=0.5)
    plan = RetryPlan(policy, uniform=lambda low, _: low)
    assert [plan.next_delay(TransientError(), attempts_at(n), 0) for n in range(1, 6)] == expected


def test_jitter_adds_at_most_its_share() -> None:
    plan = RetryPlan(ModelRetryPolicy(base_delay=1.0, jitter=0.5), uniform=lambda _, high: high)
    assert plan.next_delay(TransientError(), attempts_at(1), 0) == 1.5


def test_no_attempt_begins_after_max_elapsed() -> None:
    plan = RetryPlan(ModelRetryPolicy(base_delay=1.0, max_attempts=100, jitter=0.0, max_elapsed=10.0))
    assert plan.next_delay(TransientError(), attempts_at(1), 9_000) == 1.0
    assert plan.next_delay(TransientError(), attempts_at(1), 9_001) is None


def test_error_codes_of_the_contract_are_transient() -> None:
    class DatabaseError(Exception):
        sqlstate = "40001"

    class HttpError(Exception):
        status = 503

    plan = RetryPlan(ModelRetryPolicy(retryable_error_codes=("40001", "503")))
    assert plan.next_delay(DatabaseError(), attempts_at(1), 0) is not None
    assert plan.next_delay(HttpError(), attempts_at(1), 0) is not None
    HttpError.status = 404
    assert plan.next_delay(HttpError(), attempts_at(1), 0) is None
    assert plan.next_delay(RejectedError(), attempts_at(1), 0) is None


@pytest.mark.parametrize(("status", "is_retried"), [(503, True), (404, False)])
def test_the_status_of_a_response_is_a_code_of_its_exception(status: int, is_retried: bool) -> None:
    class HttpError(Exception):
        response = SimpleNamespace(status_code=status)

    plan = RetryPlan(ModelRetryPolicy(retryable_error_codes=("503",)))
    assert (plan.next_delay(HttpError(), attempts_at(1), 0) is not None) == is_retried


def test_after_its_time_in_memory_a_message_waits_on_the_retry_topic(mesh: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("stuck")
    sent = mesh.send(Act(entity="stuck", number=1))
    assert mesh.records(RETRY) == []
    mesh.advance("1s")
    (moved,) = mesh.records(RETRY)
    found = dict(moved.headers() or [])
    assert found[h.ID] == sent.id.encode()
    assert found[h.ATTEMPT] == b"2"
    assert int(found[h.RETRY_DUE]) == mesh.clock.now_ms() + 2000
    assert found[h.ORIGINAL_TOPIC] == b"onex.cmd.unruly.act.v1"
    NodeUnrulyEffect.down.clear()
    mesh.advance("1s")
    assert mesh.published(Acted) == []
    mesh.advance("1s")
    assert mesh.published(Acted) == [Acted(entity="stuck", number=1, attempt=3)]


def test_later_messages_of_the_key_queue_behind_it_and_other_keys_continue(mesh: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("stuck")
    for number in range(5):
        mesh.send(Act(entity="stuck", number=number))
        mesh.send(Act(entity="free", number=number))
        mesh.advance("1s")
    assert [acted.number for acted in mesh.published(Acted)] == [0, 1, 2, 3, 4]
    node = mesh.nodes[0]
    inputs = [Partition(topic, n) for topic in node.routes for n in range(mesh.broker.topic(topic).partitions)]
    source = mesh.bus.admin.group_positions(node.contract.group("test"), inputs)
    assert source
    assert not any(at.metadata for at in source.values())
    NodeUnrulyEffect.down.clear()
    mesh.advance("60s")
    assert [n for entity, n in NodeUnrulyEffect.done if entity == "free"] == [0, 1, 2, 3, 4]
    assert [acted.number for acted in mesh.published(Acted) if acted.entity == "stuck"] == [0, 1, 2, 3, 4]
    mesh.send(Act(entity="stuck", number=5))
    assert mesh.published(Acted)[-1].number == 5 or Acted(entity="stuck", number=5, attempt=1) in mesh.published(
        Acted
    )
    assert mesh.dead_letters() == []


def test_a_key_is_blocked_across_a_crash_and_its_attempts_are_counted_further(mesh: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("stuck")
    sent = mesh.send(Act(entity="stuck", number=1))
    mesh.advance("8s")
    before = len(NodeUnrulyEffect.done)
    assert before == 4
    mesh.send(Act(entity="stuck", number=2))
    mesh.crash(mesh.instances[0])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    mesh.send(Act(entity="stuck", number=3))
    assert len(NodeUnrulyEffect.done) == before, "nothing of the key runs before it is due"
    mesh.advance("5m")
    facts = mesh.dead_letter_of(sent)
    assert facts["onex-dlq-attempts"] == "6"
    assert facts["onex-dlq-topic"] == "onex.cmd.unruly.act.v1"
    assert facts["onex-dlq-offset"] == "0"
    numbers = [number for _, number in NodeUnrulyEffect.done]
    assert numbers == sorted(numbers)
    assert numbers.count(1) == 6
    assert len(mesh.dead_letters()) == 3


def test_a_rebalance_cancels_waits_and_the_next_owner_continues(mesh: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("stuck")
    mesh.send(Act(entity="stuck", number=1))
    mesh.advance("4s")
    at = mesh.clock.monotonic()
    mesh.remove_instance(mesh.instances[0])
    assert mesh.clock.monotonic() == at
    mesh.add_instance(NodeUnrulyEffect)
    NodeUnrulyEffect.down.clear()
    mesh.send(Act(entity="stuck", number=2))
    mesh.advance("60s")
    assert [acted.number for acted in mesh.published(Acted)] == [1, 2]


def test_without_order_nothing_queues_behind(mesh: MeshDriver) -> None:
    driver = MeshDriver([unruly(ordering=EnumOrdering.NONE)])
    driver.send(Act(entity="e", number=1, mood="transient"))
    driver.advance("4s")
    driver.send(Act(entity="e", number=2))
    assert [acted.number for acted in driver.published(Acted)] == [2]
    driver.advance("120s")
    assert len(driver.dead_letters()) == 1
    driver.close()


def test_in_partition_order_everything_waits_in_place() -> None:
    driver = MeshDriver([unruly(ordering=EnumOrdering.PARTITION)])
    NodeUnrulyEffect.down.add("a")
    for number in range(3):
        driver.send(Act(entity="a", number=number))
    driver.advance("10s")
    assert driver.records(RETRY) == []
    NodeUnrulyEffect.down.clear()
    driver.advance("60s")
    assert [acted.number for acted in driver.published(Acted)] == [0, 1, 2]
    driver.close()


def test_a_due_time_of_a_wrong_clock_does_not_wait_for_ever(mesh: MeshDriver) -> None:
    from onex.bus.protocols import Outgoing

    NodeUnrulyEffect.down.add("stuck")
    mesh.send(Act(entity="stuck", number=1))
    mesh.advance("1s")
    (moved,) = mesh.records(RETRY)
    far = [
        (name, b"%d" % (mesh.clock.now_ms() + 10**10) if name == h.RETRY_DUE else v)
        for name, v in moved.headers() or []
    ]
    mesh.crash(mesh.instances[0])
    mesh.bus.publish(Outgoing(RETRY, b'{"entity": "other", "number": 1}', b"other", far, moved.partition()))
    NodeUnrulyEffect.down.clear()
    mesh.add_instance(NodeUnrulyEffect)
    mesh.advance("61s")
    assert len(mesh.published(Acted)) == 2


def test_a_moved_message_that_became_unreadable_is_a_dead_letter_and_frees_its_key(mesh: MeshDriver) -> None:
    from onex.bus.protocols import Outgoing

    headers = [(h.RETRY_DUE, b"0"), (h.ORIGINAL_TOPIC, b"no.such.topic")]
    mesh.crash(mesh.instances[0])
    mesh.bus.publish(Outgoing(RETRY, b"junk", b"e", headers, 0))
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    assert len(mesh.dead_letters()) == 1
    mesh.send(Act(entity="e", number=1))
    assert len(mesh.published(Acted)) == 1
    assert len(mesh.records(RETRY)) == 1


@given(st.lists(st.sampled_from(["send", "down", "up", "wait", "crash", "scale", "fail"]), max_size=40))
def test_no_schedule_breaks_the_order_of_a_key(actions: list[str]) -> None:
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    driver = MeshDriver(
        [unruly(ModelRetryPolicy(max_attempts=100, base_delay=1.0, max_delay=4.0, jitter=0.0, in_memory=2.0))]
    )
    number = 0
    for action in actions:
        match action:
            case "send":
                for entity in "abc":
                    number += 1
                    driver.send(Act(entity=entity, number=number), run=False)
                driver.run_until_idle()
            case "down":
                NodeUnrulyEffect.down.update("ab")
            case "up":
                NodeUnrulyEffect.down.discard("a")
            case "wait":
                driver.advance("3s")
            case "crash":
                driver.crash(driver.instances[0])
                driver.add_instance(NodeUnrulyEffect)
            case "scale":
                driver.add_instance(NodeUnrulyEffect)
                driver.run_until_idle()
                driver.remove_instance(driver.instances[0])
            case "fail":
                driver.instances[0].fail_next_commit()
    NodeUnrulyEffect.down.clear()
    for _ in range(3):  # a commit that was switched to fail holds its partitions for a moment
        driver.advance("60s")
    published = driver.published(Acted)
    assert sorted(acted.number for acted in published) == list(range(1, number + 1))
    for entity in "abc":
        mine = [acted.number for acted in published if acted.entity == entity]
        assert mine == sorted(mine), "order of the key"
    assert driver.dead_letters() == []
    lag = [driver.instances[0].consumer.lag()]
    assert all(not left for held in lag for left in held.values())
    driver.close()


def test_a_due_time_of_a_clock_that_was_ahead_is_not_waited_for(mesh: MeshDriver) -> None:
    topic = mesh.topic_of(Act)
    ahead = mesh.clock.now_ms() + 50 * 60_000
    headers = [
        (h.ID, b"m"),
        (h.ORIGINAL_TOPIC, topic.encode()),
        (h.ATTEMPT, b"2"),
        (h.FIRST_FAILED, b"%d" % ahead),
        (h.RETRY_DUE, b"%d" % ahead),
    ]
    mesh.publish(RETRY, b'{"entity": "e", "number": 1}', b"e", headers)
    mesh.advance("1.9s")
    assert mesh.published(Acted) == []
    mesh.advance("0.2s")
    assert mesh.published(Acted) == [Acted(entity="e", number=1, attempt=3)]


def test_no_input_is_read_while_too_many_keys_wait_on_the_retry_topic(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_topic, "MAX_KEYS", 10)
    names = [f"{number}" + "x" * 500 for number in range(200)]
    NodeUnrulyEffect.down.update(names)
    (instance,) = mesh.instances
    host = instance._runner
    assert isinstance(host, MemoryEffectRunner)
    for name in names[:50]:
        mesh.send(Act(entity=name, number=1))
    mesh.advance("5s")
    assert host.engine.partitions_to_pause, "those that came together are on the retry topic"
    waiting = [key for backlog in host.engine._retry_topic._backlogs.values() for key in backlog.keys]
    assert len(waiting) == 50
    assert max(map(len, waiting)) <= 64, "long keys by their digest"
    for name in names[50:]:
        mesh.send(Act(entity=name, number=1))
    mesh.advance("1s")
    assert len(mesh.records(RETRY)) < 300
    NodeUnrulyEffect.down.clear()
    mesh.advance("2m")
    assert {acted.entity for acted in mesh.published(Acted)} == set(names)
    assert not host.engine.partitions_to_pause
