"""Events that capabilities publish outside of the agent's transaction."""

import asyncio
from collections.abc import Sequence

import pytest
from node_showcase_effect.v1_0_0.models import Perform, Progressed

from onex.agent.process.event_sink import EventSink
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, Partition, ProtocolRecord
from onex.capability import Event
from onex.contract import resolve_node
from onex.errors import BusUnavailableError, MessageTooLargeError, RejectedError, TransientError
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing.clock import ManualClock
from onex.testing.instance_bus import call_directly
from onex.wire import headers as h
from tests.conftest import NODES

SHOWCASE = resolve_node(NODES / "node_showcase_effect" / "v1_0_0")
TOPIC = SHOWCASE.outputs[Progressed]


class Bus(MemoryEventBus):
    """Fails for the keys in ``fails``."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.batches: list[int] = []
        self.fails: dict[bytes, Exception] = {}

    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        self.batches.append(len(records))
        for record in records:
            if record.key in self.fails:
                raise self.fails[record.key]
        super().publish_batch(records)


class Mesh:
    def __init__(self, *, in_threads: bool = False) -> None:
        clock = ManualClock()
        self.broker = MemoryBroker(clock.now_ms)
        self.bus = Bus(self.broker)
        catalogue = TopicCatalogue(self.bus)
        declared = declare([SHOWCASE], 1)
        apply_plan(make_plan(declared, self.bus, catalogue), declared, self.bus, catalogue)
        self.bus.batches.clear()
        run_call = asyncio.to_thread if in_threads else call_directly
        self.sink = EventSink(SHOWCASE, self.bus, catalogue, "g", clock, run_call)

    def records(self, topic: str = TOPIC) -> list[ProtocolRecord]:
        state = self.broker.topic(topic)
        found: list[ProtocolRecord] = []
        for number in range(state.partitions):
            log = self.broker.logs[Partition(topic, number)]
            found += log.visible(0, len(log.records))[0]
        return found


def event(name: str = "a", key: str = "", correlation_id: str = "", causation_id: str = "", trace: str = "") -> Event:
    return Event(Progressed(name=name, step="begun"), key, correlation_id, causation_id, trace)


@pytest.mark.parametrize("in_threads", [True, False])
def test_events_carry_the_ids_of_their_message(in_threads: bool) -> None:
    mesh = Mesh(in_threads=in_threads)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    asyncio.run(mesh.sink.send([event(correlation_id="c", causation_id="m", trace=parent)]))
    asyncio.run(mesh.sink.send([event(correlation_id="c", causation_id="m"), event(), event(key="other")]))
    first, again, alone, other = mesh.records()
    found = dict(first.headers() or [])
    assert (found[h.CORRELATION], found[h.CAUSATION], found[h.TRACE_PARENT]) == (b"c", b"m", parent.encode())
    assert found[h.TYPE] == TOPIC.encode()
    assert dict(again.headers() or [])[h.ID] == found[h.ID], "the same event of the same message"
    assert h.CAUSATION not in dict(alone.headers() or [])
    assert dict(alone.headers() or [])[h.ID] != found[h.ID]
    assert (first.key(), other.key()) == (b"a", b"other")


def test_a_broadcast_is_in_every_partition() -> None:
    mesh = Mesh()
    asyncio.run(mesh.sink.send([Event(Progressed(name="a", step="begun"), broadcast=True)]))
    assert len(mesh.records()) == mesh.broker.topic(TOPIC).partitions
    mesh.bus.admin.delete(TOPIC)
    with pytest.raises(TransientError, match="missing topics"):
        asyncio.run(mesh.sink.send([Event(Progressed(name="a", step="begun"), broadcast=True)]))


def test_what_is_no_output_is_refused() -> None:
    with pytest.raises(RejectedError, match="Perform is no output of this node's contract"):
        asyncio.run(Mesh().sink.send([Event(Perform(name="a"))]))


def test_what_is_sent_at_once_travels_together_and_each_hears_of_its_own_failure() -> None:
    mesh = Mesh(in_threads=True)
    mesh.bus.fails = {b"large": MessageTooLargeError("too large"), b"away": BusUnavailableError("no broker")}

    async def live() -> list[BaseException | None]:
        names = ("first", "a", "large", "away", "b")
        await mesh.sink.send([event("before")])  # reads the schema on a thread, once
        mesh.bus.batches.clear()
        return await asyncio.gather(*(mesh.sink.send([event(name)]) for name in names), return_exceptions=True)

    found = asyncio.run(live())
    assert [type(one) for one in found] == [type(None), type(None), RejectedError, TransientError, type(None)]
    assert sorted(record.key() or b"" for record in mesh.records()) == [b"a", b"b", b"before", b"first"]
    assert mesh.bus.batches[:2] == [1, 4]


def test_one_that_fails_alone_is_not_tried_again() -> None:
    mesh = Mesh()
    mesh.bus.fails = {b"away": BusUnavailableError("no broker")}
    with pytest.raises(TransientError):
        asyncio.run(mesh.sink.send([event("away")]))
    assert mesh.bus.batches == [1]


def test_who_gives_up_waiting_disturbs_nobody() -> None:
    mesh = Mesh(in_threads=True)

    async def live() -> None:
        sending = [asyncio.create_task(mesh.sink.send([event(name)])) for name in ("first", "a", "b")]
        await asyncio.sleep(0)
        sending[1].cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        await mesh.sink.send([event("last")])

    asyncio.run(live())
    assert {b"first", b"b", b"last"} <= {record.key() for record in mesh.records()}


def test_dead_letters_of_events() -> None:
    mesh = Mesh()
    asyncio.run(mesh.sink.dead_letter(event(), TransientError("no broker")))
    (letter,) = mesh.records(SHOWCASE.contract.dead_letter_topic)
    facts = {name: value.decode() for name, value in letter.headers() or [] if name.startswith("onex-dlq-")}
    assert (facts["onex-dlq-class"], facts["onex-dlq-topic"], facts["onex-dlq-message"]) == (
        "transient",
        TOPIC,
        "no broker",
    )
