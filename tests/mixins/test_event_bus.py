"""MixinEventBus."""

import asyncio
from collections.abc import Sequence

import pytest
import structlog
from pydantic import ValidationError

from onex.capability import Event, ProtocolEventSink, Reports
from onex.capability.events import NoEvents
from onex.errors import CompositionError, RejectedError, TransientError
from onex.mixins.event_bus import MixinEventBus, ModelEventBusSubcontract
from onex.mixins.event_bus.engine import EventBusEngine
from onex.model.message import Message
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import CURRENT_MESSAGE, Note, Sink, container
from tests.mixins.virtual import play

AWAY = TransientError("no broker")


class Count(Message):
    number: int


class Bus:
    """An engine that is open while a test uses it."""

    def __init__(self, sink: Sink | None = None, **settings: object) -> None:
        self.clock = ManualClock()
        self.sink = sink or Sink()
        self.told: list[tuple[str, str, str]] = []
        self.settings = ModelEventBusSubcontract.model_validate(settings)

    def publish(self, *events: Message, priority: str = "normal") -> float:
        """Publish and flush. Return the duration in seconds."""

        async def live() -> float:
            async with self:
                start = self.clock.monotonic()
                for event in events:
                    await self.engine.publish(event, priority=priority)
                await self.engine.flush()
                return self.clock.monotonic() - start

        return play(live(), self.clock)

    async def __aenter__(self) -> EventBusEngine:
        self.engine = EventBusEngine(
            self.settings, self.sink, CURRENT_MESSAGE, self.clock, lambda *told: self.told.append(told)
        )
        await self.engine.open()
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        await self.engine.close()


@pytest.mark.enforces("event_bus.event_bus_enabled")
def test_switched_off_nothing_is_published() -> None:
    bus = Bus(event_bus_enabled=False)
    bus.publish(Note(text="a"))
    assert bus.sink.calls == []


@pytest.mark.enforces("event_bus.event_bus_type")
@pytest.mark.parametrize(("kind", "heard", "sent"), [("kafka", 0, 1), ("memory", 1, 0), ("hybrid", 1, 1)])
def test_destinations_of_events(kind: str, heard: int, sent: int) -> None:
    bus = Bus(event_bus_type=kind)
    got: list[Note] = []

    async def live() -> None:
        async with bus as engine:
            end = engine.subscribe(Note, got.append)
            await engine.publish(Note(text="a"))
            end()
            await engine.flush()

    play(live(), bus.clock)
    assert (len(got), len(bus.sink.sent)) == (heard, sent)
    with pytest.raises(ValidationError, match="there is no Redis bus"):
        ModelEventBusSubcontract.model_validate({"event_bus_type": "redis"})


def test_a_failing_listener_does_not_affect_others() -> None:
    bus = Bus()
    got: list[Note] = []

    def fail(_: Note) -> None:
        raise KeyError

    async def live() -> None:
        async with bus as engine:
            engine.subscribe(Note, fail)
            engine.subscribe(Note, got.append)
            await engine.publish(Note(text="a"))

    with structlog.testing.capture_logs() as logs:
        play(live(), bus.clock)
    assert len(got) == len(bus.sink.sent) == 1
    assert "a listener failed" in [entry["event"] for entry in logs]


@pytest.mark.enforces("event_bus.enable_event_logging")
def test_each_event_is_a_line() -> None:
    for logging in (True, False):
        with structlog.testing.capture_logs() as logs:
            Bus(enable_event_logging=logging).publish(Note(text="a"))
        assert [entry["type"] for entry in logs if entry["event"] == "event"] == ["Note"] * logging


@pytest.mark.enforces("event_bus.correlation_tracking")
def test_events_belong_to_the_current_message() -> None:
    for tracking in (True, False):
        bus = Bus(correlation_tracking=tracking)
        bus.publish(Note(text="a"))
        (event,) = bus.sink.sent
        assert (event.correlation_id, event.causation_id) == (("c-1", "m-1") if tracking else ("", ""))


@pytest.mark.enforces("event_bus.routing_key_strategy")
@pytest.mark.parametrize(
    ("strategy", "key", "broadcast"),
    [
        ("type_based", "note", False),
        ("priority_based", "high", False),
        ("broadcast", "", True),
        ("topic_based", "", False),
    ],
)
def test_keys(strategy: str, key: str, broadcast: bool) -> None:
    bus = Bus(routing_key_strategy=strategy)
    bus.publish(Note(text="a"), priority="high")
    (event,) = bus.sink.sent
    assert (event.key, event.broadcast) == (key, broadcast)


@pytest.mark.enforces("event_bus.enable_event_validation")
def test_events_built_without_validation_are_refused() -> None:
    wrong = Count.model_construct(number="many")  # type: ignore[arg-type]  # that is what is tested
    bus = Bus()
    with pytest.raises(RejectedError, match="Count is not valid"):
        bus.publish(wrong)
    careless = Bus(enable_event_validation=False)
    careless.publish(wrong)
    assert [event.message for event in careless.sink.sent] == [wrong]


@pytest.mark.enforces("event_bus.max_retry_attempts", "event_bus.retry_delay_ms")
def test_unacknowledged_batches_are_sent_again() -> None:
    bus = Bus(Sink(AWAY, AWAY), max_retry_attempts=2, retry_delay_ms=3000)
    assert bus.publish(Note(text="a")) == pytest.approx(6.0)
    assert len(bus.sink.sent) == 1
    assert bus.engine.reported_metrics() == {"sent": 1.0, "given_up": 0.0, "waiting": 0.0}
    given_up = Bus(Sink(AWAY, AWAY), max_retry_attempts=1)
    given_up.publish(Note(text="a"))
    assert given_up.sink.sent == []
    assert given_up.engine.reported_metrics()["given_up"] == 1.0


def test_refused_messages_are_not_sent_again() -> None:
    bus = Bus(Sink(RejectedError("too large")))
    assert bus.publish(Note(text="a"), Note(text="b")) == 0.0
    assert [event.message for event in bus.sink.sent] == [Note(text="b")]
    assert [(str(error)) for _, error in bus.sink.dead_letters] == ["too large"]


def test_an_entry_that_is_too_large_does_not_block_others() -> None:
    bus = Bus(Sink(ValueError("no such enum")))
    bus.publish(Note(text="a"), Note(text="b"))
    assert [event.message for event in bus.sink.sent] == [Note(text="b")]
    assert [str(error) for _, error in bus.sink.dead_letters] == ["cannot be sent: ValueError: no such enum"]


@pytest.mark.enforces("event_bus.event_retention_seconds")
@pytest.mark.parametrize(("kept", "took"), [(5, 6.0), (0, 20.0)])
def test_old_events_are_dropped(kept: int, took: float) -> None:
    bus = Bus(Sink(*[AWAY] * 11), event_retention_seconds=kept, max_retry_attempts=10, retry_delay_ms=2000)
    assert bus.publish(Note(text="a")) == pytest.approx(took)
    assert len(bus.sink.dead_letters) == 1


class SlowSink(Sink):
    """A slow sink."""

    async def send(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(2)
        await super().send(events)


@pytest.mark.enforces("event_bus.publish_timeout_ms")
def test_a_late_acknowledgement_is_a_failure() -> None:
    bus = Bus(SlowSink(), publish_timeout_ms=1000, max_retry_attempts=0)
    bus.publish(Note(text="a"))
    assert [str(error) for _, error in bus.sink.dead_letters] == ["no acknowledgement in time"]
    patient = Bus(SlowSink(), publish_timeout_ms=3000)
    patient.publish(Note(text="a"))
    assert len(patient.sink.sent) == 1


@pytest.mark.enforces("event_bus.enable_dead_letter_queue")
def test_dead_letters() -> None:
    said = {}
    for letters, away in ((True, False), (False, False), (True, True)):
        bus = Bus(Sink(AWAY), max_retry_attempts=0, enable_dead_letter_queue=letters)
        bus.sink.dead_letters_fail = away
        bus.publish(Note(text="a"))
        said[letters, away] = (len(bus.sink.dead_letters), bus.told)
    assert said == {
        (True, False): (1, [("Note", "dead letter", "no broker")]),
        (False, False): (0, [("Note", "lost", "no broker")]),
        (True, True): (0, [("Note", "lost", "no broker")]),
    }


@pytest.mark.enforces("event_bus.graceful_degradation")
def test_lost_events_raise_without_graceful_degradation() -> None:
    strict = Bus(Sink(AWAY), max_retry_attempts=0, graceful_degradation=False)
    with pytest.raises(TransientError, match="events could not be published: no broker"):
        strict.publish(Note(text="a"))
    later = Bus(Sink(AWAY), max_retry_attempts=0, graceful_degradation=False)

    async def live() -> None:
        async with later as engine:
            await engine.publish(Note(text="a"))
            await asyncio.sleep(1)
            with pytest.raises(TransientError, match="could not be published"):
                await engine.publish(Note(text="b"))
            await engine.publish(Note(text="c"))

    play(live(), later.clock)
    assert [event.message for event in later.sink.sent] == [Note(text="c")]


@pytest.mark.enforces("event_bus.event_batch_size", "event_bus.event_buffer_size")
def test_batches_and_a_buffer_that_is_full() -> None:
    bus = Bus(SlowSink(), event_batch_size=4, event_buffer_size=10)

    async def live() -> float:
        async with bus as engine:
            start = bus.clock.monotonic()
            for number in range(11):
                await engine.publish(Note(text=str(number)))
            waited = bus.clock.monotonic() - start
            await engine.flush()
            return waited

    assert play(live(), bus.clock) == pytest.approx(2.0), "the eleventh waits until the first batch is sent"
    assert [event.message for event in bus.sink.sent] == [Note(text=str(number)) for number in range(11)]
    assert max(len(call) for call in bus.sink.calls) == 4


def test_closing_sends_waiting_metrics_and_is_safe_twice() -> None:
    bus = Bus(SlowSink())

    async def live() -> None:
        async with bus as engine:
            await engine.publish(Note(text="a"))
        await bus.engine.close()

    play(live(), bus.clock)
    assert len(bus.sink.sent) == 1


def test_a_node_publishes_through_its_agent() -> None:
    class Node(MixinEventBus, NodeEffect):
        pass

    async def live() -> None:
        node, sink = Node(), Sink(AWAY)
        node.container = container()
        node.container.registry.value(ProtocolEventSink, sink)
        assert isinstance(node.event_bus, EventBusEngine)
        await node.event_bus.open()
        await node.event_bus.publish(Note(text="a"))
        await node.event_bus.close()
        assert len(sink.sent) == 1

    play(live())


def test_a_node_without_an_agent_reports_lost_events() -> None:
    class Node(MixinEventBus, NodeEffect):
        pass

    async def live() -> None:
        node = Node()
        assert isinstance(node.event_bus, EventBusEngine)
        await node.event_bus.open()
        await node.event_bus.publish(Note(text="a"))
        await node.event_bus.close()
        (report,) = node.container.get(Reports).take()
        assert (report.subject, report.event) == ("Note", "lost")
        with pytest.raises(CompositionError, match="no sink for dead letters"):
            await NoEvents().dead_letter(Event(Note(text="a")), AWAY)

    play(live())
