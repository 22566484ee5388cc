"""MixinMessageQueue."""

import asyncio
from collections.abc import Sequence

import pytest

from onex.capability import Event, ProtocolEventSink
from onex.errors import RejectedError, TransientError
from onex.mixins.message_queue import MixinMessageQueue, ModelMessageQueueSubcontract
from onex.mixins.message_queue.engine import MessageQueueEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import CURRENT_MESSAGE, Note, Sink, container
from tests.mixins.virtual import play

AWAY = TransientError("no broker")


class Slow(Sink):
    """A sink that needs a second for each message."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.ends: list[tuple[str, float]] = []

    async def send(self, events: Sequence[Event]) -> None:
        start = self.clock.monotonic()
        await asyncio.sleep(1)
        (event,) = events
        assert isinstance(event.message, Note)
        self.ends.append((event.message.text, self.clock.monotonic() - start))
        await super().send(events)


def race(*keys: str, **settings: object) -> float:
    """Return the seconds until concurrent messages with these keys are acknowledged."""
    clock = ManualClock()
    sink = Slow(clock)
    engine = MessageQueueEngine(ModelMessageQueueSubcontract.model_validate(settings), sink, CURRENT_MESSAGE)

    async def live() -> float:
        start = clock.monotonic()
        sending = [asyncio.create_task(engine.send(Note(text=str(n)), key=key)) for n, key in enumerate(keys)]
        await asyncio.sleep(0)
        assert engine.waiting == len(keys)
        await asyncio.gather(*sending)
        assert engine.waiting == 0
        return clock.monotonic() - start

    took = play(live(), clock)
    assert engine.reported_metrics() == {"sent": float(len(keys)), "failed": 0.0, "waiting": 0.0}
    return took


@pytest.mark.enforces("message_queue.ordering")
@pytest.mark.parametrize(("ordering", "took"), [("key", 2.0), ("all", 3.0), ("none", 1.0)])
def test_messages_are_sent_in_order(ordering: str, took: float) -> None:
    assert race("a", "a", "b", ordering=ordering) == pytest.approx(took)


@pytest.mark.enforces("message_queue.max_in_flight")
def test_so_many_are_on_their_way() -> None:
    assert race("a", "b", "c", "d", max_in_flight=2) == pytest.approx(2.0)


def queue(sink: Sink, **settings: object) -> tuple[MessageQueueEngine, ManualClock]:
    return MessageQueueEngine(
        ModelMessageQueueSubcontract.model_validate(settings), sink, CURRENT_MESSAGE
    ), ManualClock()


@pytest.mark.enforces(
    "message_queue.max_attempts", "message_queue.base_delay_seconds", "message_queue.max_delay_seconds"
)
def test_unacknowledged_messages_are_retried_and_then_raise() -> None:
    sink = Sink(AWAY, AWAY, AWAY)
    engine, clock = queue(sink, max_attempts=4, base_delay_seconds=1, max_delay_seconds=2.5)
    start = clock.monotonic()
    play(engine.send(Note(text="a")), clock)
    assert clock.monotonic() - start == pytest.approx(1 + 2 + 2.5)
    (event,) = sink.sent
    assert (event.correlation_id, event.causation_id) == ("c-1", "m-1")
    short, clock = queue(Sink(AWAY, AWAY), max_attempts=2)
    with pytest.raises(TransientError, match="no broker"):
        play(short.send(Note(text="a")), clock)
    assert short.reported_metrics()["failed"] == 1.0


def test_refusals_are_raised_immediately() -> None:
    engine, clock = queue(Sink(RejectedError("no topic")))
    start = clock.monotonic()
    with pytest.raises(RejectedError):
        play(engine.send(Note(text="a")), clock)
    assert clock.monotonic() == start


@pytest.mark.enforces("message_queue.send_timeout_seconds")
def test_an_attempt_ends() -> None:
    clock = ManualClock()
    settings = ModelMessageQueueSubcontract(send_timeout_seconds=0.5, max_attempts=1)
    engine = MessageQueueEngine(settings, Slow(clock), CURRENT_MESSAGE)
    with pytest.raises(TransientError, match=r"Note was not acknowledged within 0\.5 s"):
        play(engine.send(Note(text="a")), clock)


def test_a_node_sends_through_its_agent() -> None:
    class Node(MixinMessageQueue, NodeEffect):
        pass

    node, sink = Node(), Sink()
    node.container = container()
    node.container.registry.value(ProtocolEventSink, sink)
    play(node.queue.send(Note(text="a")))
    assert len(sink.sent) == 1
    assert node.queue.waiting == 0
