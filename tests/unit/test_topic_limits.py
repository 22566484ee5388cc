"""What an agent knows about the topics that it writes to."""

from collections.abc import Mapping, Sequence

import pytest

from onex.agent.topic_limits import TopicLimits
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import TopicState
from onex.errors import RejectedError
from onex.testing import ManualClock


def test_topics_that_do_not_exist_are_looked_for_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of records may name them."""
    clock = ManualClock()
    admin = MemoryEventBus(MemoryBroker(clock.now_ms)).admin
    asked: list[str] = []
    look = admin.topics

    def topics(names: Sequence[str]) -> Mapping[str, TopicState]:
        asked.extend(names)
        return look(names)

    monkeypatch.setattr(admin, "topics", topics)
    monkeypatch.setattr("onex.agent.topic_limits._MOST_MISSING", 2)
    limits = TopicLimits(admin, {}, clock)

    def refused(topic: str) -> None:
        with pytest.raises(RejectedError, match=f"there is no topic {topic}; `onex apply` creates"):
            limits.require_topic(topic)

    for _ in range(100):
        refused("a")
        refused("b")
    assert asked == ["a", "b"]
    refused("c")
    refused("b")
    assert asked == ["a", "b", "c"], "the earliest is forgotten"
    admin.create([TopicState("b", 1, 1, {})])
    clock.move_to(clock.monotonic() + 6)
    for _ in range(100):
        limits.require_topic("b")
    refused("c")
    assert asked == ["a", "b", "c", "b", "c"]
