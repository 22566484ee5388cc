"""Listing the groups of a cluster: patient while brokers read them, and never a part of them."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest
from confluent_kafka import ConsumerGroupState, KafkaError

from onex.bus.config import KafkaConfig
from onex.bus.kafka import admin
from onex.bus.kafka.admin import KafkaAdmin
from onex.bus.kafka.consumer import ErrorSink
from onex.errors import BusUnavailableError, NotAuthorizedError


@dataclass
class Listed:
    group_id: str
    state: ConsumerGroupState


@dataclass
class Answer:
    valid: list[Listed] = field(default_factory=list)
    errors: list[KafkaError] = field(default_factory=list)


FOUND = [
    Listed("members", ConsumerGroupState.STABLE),
    Listed("joining", ConsumerGroupState.PREPARING_REBALANCING),
    Listed("new state", ConsumerGroupState.UNKNOWN),
    Listed("empty", ConsumerGroupState.EMPTY),
    Listed("dead", ConsumerGroupState.DEAD),
]
Make = Callable[[list[Answer]], KafkaAdmin]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """An admin client that gets these answers, the last one again and again; time passes only in its waits."""
    now = [0.0]
    monkeypatch.setattr(admin, "monotonic", lambda: now[0])
    monkeypatch.setattr(admin, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def made(answers: list[Answer]) -> KafkaAdmin:
        class Client:
            def list_consumer_groups(self, request_timeout: float) -> "Future[Answer]":
                future: Future[Answer] = Future()
                future.set_result(answers.pop(0) if len(answers) > 1 else answers[0])
                return future

        found = KafkaAdmin(KafkaConfig("127.0.0.1:1"), ErrorSink())
        monkeypatch.setattr(found, "_client", Client())
        return found

    return made


def test_groups_with_and_without_members(make: Make) -> None:
    assert make([Answer(FOUND)]).groups() == {
        "members": True,
        "joining": True,
        "new state": True,
        "empty": False,
        "dead": False,
    }


@pytest.mark.parametrize("code", [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR])
def test_a_broker_that_reads_its_groups_is_asked_again(make: Make, code: int) -> None:
    reading = Answer(FOUND[:1], [KafkaError(code)])
    assert len(make([reading, reading, Answer(FOUND)]).groups()) == len(FOUND)


def test_it_is_asked_for_a_limited_time(make: Make) -> None:
    with pytest.raises(BusUnavailableError, match="COORDINATOR_LOAD_IN_PROGRESS"):
        make([Answer(FOUND, [KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS)])]).groups()


def test_a_broker_that_refuses_is_an_error(make: Make) -> None:
    loading, denied = KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.CLUSTER_AUTHORIZATION_FAILED
    with pytest.raises(NotAuthorizedError):
        make([Answer(FOUND, [KafkaError(denied)])]).groups()
    with pytest.raises(NotAuthorizedError):
        make([Answer(FOUND, [KafkaError(loading), KafkaError(denied)]), Answer(FOUND)]).groups()
