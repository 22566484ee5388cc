"""Which records end a call, which are steps of it, and which belong to another call."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from node_order_orchestrator.v1_0_0.models import OrderCompleted, OrderFailed, OrderPriced, PlaceOrder

from onex.bus.memory.log import MemoryRecord
from onex.mesh import CommandRejectedError, WorkflowFailedError, calls
from onex.mesh.address_book import AddressBook
from onex.mesh.calls import Call, Calls
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.schema import Codec, TopicCodecs
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.conftest import ORDERS

COMPLETED, FAILED = "onex.evt.orders.order-completed.v1", "onex.evt.orders.order-failed.v1"
REPEATED = "onex.evt.order.completion-repeated.v1"
PRICED, DEAD = "onex.evt.order-pricing.order-priced.v1", "onex.dlq.order.orchestrator.v1"


class Scene:
    """Calls, fed with records by hand."""

    def __init__(self, mesh: MeshDriver) -> None:
        catalogue = TopicCatalogue(mesh.bus)
        models: dict[str, type[Message]] = {
            COMPLETED: OrderCompleted,
            FAILED: OrderFailed,
            PRICED: OrderPriced,
            REPEATED: CompletionRepeated,
        }
        self.codecs = {topic: Codec.of_topic(model, topic, catalogue) for topic, model in models.items()}
        self.book = AddressBook()
        self.book.add_contracts(mesh.nodes)
        readers = {topic: TopicCodecs(None, [model], topic, catalogue) for topic, model in models.items()}
        self.calls = Calls(readers.get)
        self._offset = 0

    def call(self, command_id: str = "c-1", *, steps: bool = False) -> Call:
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        made = Call(command_id, self.book.command(PlaceOrder), future, asyncio.Queue() if steps else None)
        self.calls.open(made)
        return made

    def arrives(self, topic: str, value: Message | bytes, correlation: str = "c-1", **more: str) -> None:
        self._offset += 1
        raw = value if isinstance(value, bytes) else self.codecs[topic].encode(value)
        headers = [(h.CORRELATION, correlation.encode()), (h.ID, str(self._offset).encode())]
        headers += [(name, text.encode()) for name, text in more.items()]
        self.calls.take(MemoryRecord(topic, 0, self._offset, b"k", raw, tuple(headers), 0))


@pytest.fixture
def play() -> Iterator[Callable[[Callable[[Scene], Awaitable[None]]], None]]:
    mesh = MeshDriver(sorted(ORDERS.glob("*/v1_0_0")))

    def run(scene: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            await scene(Scene(mesh))

        asyncio.run(whole())

    yield run
    mesh.close()


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]
DONE = OrderCompleted(order_id="o-1", total=1.0)


def test_every_waiter_of_an_id_gets_its_end_and_nobody_else(play: Play) -> None:
    async def scene(scene: Scene) -> None:
        one, two, other = scene.call(), scene.call(), scene.call("c-2")
        scene.arrives(COMPLETED, DONE)
        assert one.result.result() == two.result.result() == DONE
        assert not other.result.done()
        for call in (one, two, other):
            scene.calls.close(call)
        assert len(scene.calls) == 0

    play(scene)


def test_a_failure_event_is_an_error_that_holds_it(play: Play) -> None:
    async def scene(scene: Scene) -> None:
        call = scene.call()
        scene.arrives(FAILED, OrderFailed(order_id="o-1", reason="limit"))
        scene.arrives(COMPLETED, DONE)
        error = call.result.exception()
        assert isinstance(error, WorkflowFailedError)
        assert (error.reason, error.event) == ("limit", OrderFailed(order_id="o-1", reason="limit"))

    play(scene)


def test_the_end_of_a_repeated_command_is_that_of_the_first(play: Play) -> None:
    async def scene(scene: Scene) -> None:
        good, bad, unknown = scene.call(steps=True), scene.call("c-2"), scene.call("c-3")
        failed = OrderFailed(order_id="o-1", reason="limit")
        for call, name, content in (
            ("c-1", "OrderCompleted", DONE.to_stored_json()),
            ("c-2", "OrderFailed", failed.to_stored_json()),
            ("c-3", "OrderShipped", "{}"),
        ):
            scene.arrives(REPEATED, CompletionRepeated(completion=name, content=content), call)
        assert good.result.result() == DONE
        assert good.steps is not None
        assert good.steps.get_nowait() is None, "it is the end, and no step"
        error = bad.result.exception()
        assert isinstance(error, WorkflowFailedError)
        assert error.event == failed
        assert not unknown.result.done()
        scene.arrives(REPEATED, CompletionRepeated(completion="OrderCompleted", content="{}"), "c-3")
        assert "cannot be read" in str(unknown.result.exception())

    play(scene)


def test_only_the_dead_letter_of_the_command_itself_ends_it(play: Play) -> None:
    async def scene(scene: Scene) -> None:
        call = scene.call()
        mine = {d.NODE: "node_order_orchestrator", d.MESSAGE: "no"}
        scene.arrives(DEAD, b"x", **{**mine, d.MESSAGE_ID: "an answer", d.CLASS: "rejected"})
        scene.arrives(DEAD, b"x", **{**mine, d.NODE: "node_other_compute", d.MESSAGE_ID: "c-1", d.CLASS: "rejected"})
        assert not call.result.done()
        scene.arrives(DEAD, b"x", **{**mine, d.MESSAGE_ID: "c-1", d.CLASS: "rejected"})
        assert isinstance(call.result.exception(), CommandRejectedError)
        broken = scene.call()
        scene.arrives(DEAD, b"x", **{**mine, d.MESSAGE_ID: "c-1", d.CLASS: "bug"})
        assert isinstance(broken.result.exception(), WorkflowFailedError)

    play(scene)


def test_steps_are_shown_once_also_after_the_end_and_unreadable_ones_as_such(play: Play) -> None:
    async def scene(scene: Scene) -> None:
        call = scene.call(steps=True)
        priced = OrderPriced(order_id="o-1", total=1.0)
        scene.arrives(PRICED, b"\x00garbage", **{h.ID: "bad"})
        scene.arrives(COMPLETED, DONE)
        scene.arrives(PRICED, priced, **{h.ID: "late"})
        scene.arrives(PRICED, priced, **{h.ID: "late"})
        assert call.result.result() == DONE
        assert call.steps is not None
        shown = [call.steps.get_nowait() for _ in range(call.steps.qsize())]
        assert [step and (step.name, step.message) for step in shown] == [
            ("OrderPriced", None),
            ("OrderCompleted", DONE),
            None,
            ("OrderPriced", priced),
        ]

    play(scene)


def test_an_end_that_cannot_be_read_is_not_waited_for(play: Play) -> None:
    async def scene(scene: Scene) -> None:
        call = scene.call()
        scene.arrives(COMPLETED, b"\x00garbage")
        assert "cannot be read" in str(call.result.exception())

    play(scene)


def test_a_call_is_told_of_so_many_steps_and_no_more(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_MOST_STEPS", 5)

    async def live(scene: Scene) -> None:
        call = scene.call(steps=True)
        for _ in range(50):
            scene.arrives(PRICED, b"anybody may write to the topic of a step")
        assert call.steps is not None
        assert (call.steps.qsize(), len(call.seen)) == (5, 5)
        scene.arrives(COMPLETED, OrderCompleted(order_id="o-1", total=1.0))
        assert call.result.done()

    play(live)


def _record(topic: str, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> MemoryRecord:
    return MemoryRecord(topic, 0, 1, None, value, tuple(headers), 0)  # type: ignore[arg-type]  # null values


def test_hostile_records_on_the_topics_of_answers_disturb_no_call(play: Play) -> None:
    """Junk with the id of a call ends that call at most; none raises, and other calls go on."""

    async def scene(scene: Scene) -> None:
        call, other = scene.call("c-1", steps=True), scene.call("c-2", steps=True)
        forged: list[tuple[str, bytes | None]] = [
            (d.MESSAGE_ID, b"c-1"),
            (d.NODE, b"node_order_orchestrator"),
            (d.CLASS, b"no class"),
        ]
        headers: list[list[tuple[str, bytes | None]]] = [
            [(h.CORRELATION, None), (h.ID, None)],
            [(h.CORRELATION, b"c-1"), (h.ID, None), (h.SOURCE, None)],
            [(h.CORRELATION, b"\xff\xfe"), (h.ID, b"\xff")],
            [(h.CORRELATION, b"c-1"), *forged],
            [(h.CORRELATION, b"c-1"), *forged[:2], (d.CLASS, None)],
        ]
        for topic in (PRICED, DEAD):
            for some in headers:
                for value in (None, b"", b"junk"):
                    scene.calls.take(_record(topic, value, some))
        assert not call.result.done()
        for topic in (COMPLETED, FAILED):
            for some in headers:
                for value in (None, b"", b"junk"):
                    scene.calls.take(_record(topic, value, some))
        assert isinstance(call.result.exception(), WorkflowFailedError)
        scene.arrives(COMPLETED, DONE, correlation="c-2")
        assert other.result.result() == DONE

    play(scene)
