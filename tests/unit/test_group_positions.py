"""Committed positions through consumers that are no members: cached by group, patient while a coordinator moves."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from onex.bus.config import KafkaConfig
from onex.bus.kafka import group_positions
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.group_positions import GroupPositions
from onex.bus.protocols import Partition, Position
from onex.errors import BusUnavailableError, NotAuthorizedError

ASKED = [Partition("t", 0), Partition("t", 1), Partition("t", 2)]
Answer = list["Committed"] | KafkaException


class FakeConsumer:
    """Responds with the result of ``answer``. The clients of a test are in ``made``."""

    made: list["FakeConsumer"]
    answer: Callable[[], Answer]

    def __init__(self, config: dict[str, object]) -> None:
        self.config = config
        self.timeouts: list[float] = []
        self.made.append(self)

    def committed(self, asked: list[TopicPartition], timeout: float) -> list["Committed"]:
        assert [(at.topic, at.partition) for at in asked] == ASKED
        self.timeouts.append(timeout)
        found = type(self).answer()
        if isinstance(found, KafkaException):
            raise found
        return found

    def poll(self, timeout: float) -> None:
        assert timeout == 0


class Time:
    """Monotonic seconds that pass by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(FakeConsumer, "made", [], raising=False)
    monkeypatch.setattr(group_positions, "Consumer", FakeConsumer)
    monkeypatch.setattr(group_positions, "monotonic", lambda: time.now)
    monkeypatch.setattr(group_positions, "sleep", time.sleep)
    return time


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> GroupPositions:
    """The last response is repeated for ever."""
    left = list(answers)
    monkeypatch.setattr(
        FakeConsumer, "answer", staticmethod(lambda: left.pop(0) if len(left) > 1 else left[0]), raising=False
    )
    return GroupPositions(KafkaConfig("b:1"), ErrorSink())


@dataclass(frozen=True, slots=True)
class Committed:
    """A TopicPartition of an answer; of librdkafka's own the error cannot be set."""

    partition: int
    offset: int
    error: KafkaError | None = None
    topic: str = "t"
    read: bytes = b"noted"
    """Metadata, with what the client reads behind it."""

    @property
    def metadata(self) -> str | None:
        return self.read.decode() if self.offset >= 0 else None


def failure(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


@pytest.mark.usefixtures("time")
def test_partitions_without_a_position_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    positions = answering(monkeypatch, [Committed(0, 7), Committed(1, -1001), Committed(2, 0)])
    assert positions.read("g", ASKED) == {ASKED[0]: Position(7, "noted"), ASKED[2]: Position(0, "noted")}


@pytest.mark.usefixtures("time")
def test_metadata_of_other_writers_may_be_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kafka Streams commits it, and the client returns it now and then."""
    beyond = Committed(0, 7, read=b"AgAAAaIsqg/w\xc2\x7f")
    positions = answering(monkeypatch, [beyond, Committed(1, 3, read=b"\xff"), Committed(2, 5)])
    assert positions.read("g", ASKED) == {
        ASKED[0]: Position(7, ""),
        ASKED[1]: Position(3, ""),
        ASKED[2]: Position(5, "noted"),
    }


@pytest.mark.usefixtures("time")
def test_the_client_is_no_member_and_waits_for_no_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, []).read("g", ASKED)
    (client,) = FakeConsumer.made
    config = client.config
    assert (config["group.id"], config["isolation.level"], config["enable.auto.commit"]) == (
        "g",
        "read_uncommitted",
        False,
    )
    assert not hasattr(client, "subscribe")


@pytest.mark.usefixtures("time")
def test_each_group_has_one_client_and_the_least_recently_used_one_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    positions = answering(monkeypatch, [])
    for _ in range(2):
        for number in range(8):
            positions.read(f"g{number}", ASKED)
    assert len(FakeConsumer.made) == 8
    positions.read("g0", ASKED)
    positions.read("new", ASKED)
    positions.read("g0", ASKED)
    assert len(FakeConsumer.made) == 9
    positions.read("g1", ASKED)
    assert len(FakeConsumer.made) == 10


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError._WAIT_COORD,
    ],
)
def test_it_asks_again_while_the_coordinator_moves(monkeypatch: pytest.MonkeyPatch, time: Time, code: int) -> None:
    positions = answering(monkeypatch, failure(code), failure(code), [Committed(0, 7)])
    assert positions.read("g", ASKED) == {ASKED[0]: Position(7, "noted")}
    assert time.now == pytest.approx(0.2)


def test_a_coordinator_that_does_not_come_back_is_an_error_after_15_seconds(
    monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    positions = answering(monkeypatch, failure(KafkaError.NOT_COORDINATOR))
    with pytest.raises(BusUnavailableError, match="offsets of group g"):
        positions.read("g", ASKED)
    assert 14.8 <= time.now <= 15.0
    assert max(FakeConsumer.made[0].timeouts) <= 15.0


@pytest.mark.usefixtures("time")
def test_other_errors_are_raised_when_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAuthorizedError, match="offsets of group g"):
        answering(monkeypatch, failure(KafkaError.GROUP_AUTHORIZATION_FAILED)).read("g", ASKED)
    assert len(FakeConsumer.made[0].timeouts) == 1


@pytest.mark.usefixtures("time")
def test_a_partition_that_is_refused_does_not_look_as_if_nothing_was_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = Committed(1, -1001, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(NotAuthorizedError):
        answering(monkeypatch, [Committed(0, 7), refused]).read("g", ASKED)
    gone = Committed(1, -1001, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert list(answering(monkeypatch, [Committed(0, 7), gone]).read("g", ASKED)) == [ASKED[0]]


@pytest.mark.usefixtures("time")
def test_nothing_is_asked_about_no_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answering(monkeypatch, []).read("g", []) == {}
    assert FakeConsumer.made == []
