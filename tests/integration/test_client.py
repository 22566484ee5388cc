"""MeshClient on real brokers and agents: calls, repetition, failures, cancellation, streams."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing, suppress

import pytest
from confluent_kafka import Producer
from node_alarm_orchestrator.v1_0_0.models import SetAlarm
from node_order_orchestrator.v1_0_0.models import (
    ChargeCard,
    OrderCompleted,
    OrderFailed,
    OrderShipped,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onex.bus.aio import AioEventBusAdapter
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, TopicState
from onex.mesh import (
    CommandRejectedError,
    CommandTimeoutError,
    MeshClient,
    UnknownCommandError,
    WorkflowFailedError,
)
from onex.model.enums import EnumFailureClass
from onex.wire.partitioner import partition_of
from tests.conftest import eventually
from tests.integration.agents import Mesh
from tests.integration.orders import FOLDERS, connected, order, settings_of, until


@pytest.fixture(scope="module")
def mesh(kafka_bus: KafkaEventBusAdapter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with Mesh(kafka_bus, FOLDERS, tmp_path_factory.mktemp("client")) as made:
        for folder in FOLDERS:
            made.start(folder.parent.name)
        yield made


def test_orders_of_a_client_with_the_usual_partitioner_complete(mesh: Mesh) -> None:
    """librdkafka hashes keys by CRC32 by default: most of these orders lie on the wrong partition."""
    topic = "onex.cmd.orders.place-order.v1"
    partitions = mesh.bus.admin.topics([topic])[topic].partitions
    producer = Producer({"bootstrap.servers": mesh.bus.config.bootstrap_servers})
    numbers = {f"crc-{number}" for number in range(20)}
    for number in numbers:
        body = {"order_id": number, "customer": "eve", "quantity": 2, "unit_price": 5.0}
        producer.produce(topic, json.dumps(body), key=number)
    assert producer.flush(10) == 0
    placed = {record.key(): record.partition() for record in mesh.records(topic)}
    assert any(placed[n.encode()] != partition_of(n.encode(), partitions) for n in numbers)

    def completed() -> bool:
        return numbers <= {done.order_id for done in mesh.messages(OrderCompleted)}

    eventually(completed, 30, "every order is completed")


def test_a_call_and_its_failures(mesh: Mesh) -> None:
    async def play() -> None:
        async with connected(mesh) as client:
            done = await client.execute(order("c-1"), answer=OrderCompleted, timeout=30)
            assert done == OrderCompleted(order_id="c-1", total=10.0)
            with pytest.raises(WorkflowFailedError, match="too heavy") as failed:
                await client.execute(order("c-2", quantity=101), timeout=30)
            assert failed.value.event == OrderFailed(order_id="c-2", reason="too heavy")
            with pytest.raises(UnknownCommandError, match="no node takes SetAlarm; taken are: .*PlaceOrder"):
                await client.execute(SetAlarm(entity="e", after=1.0, times=1))
            with pytest.raises(UnknownCommandError, match="nothing answers OrderShipped: publish it instead"):
                await client.execute(OrderShipped(order_id="c-1"))

    asyncio.run(play())


def test_a_repeated_command_gives_the_same_completion(mesh: Mesh) -> None:
    """Also from another client, and when the same key has had another run since."""

    async def play() -> None:
        async with connected(mesh) as first, connected(mesh) as second:
            one = await first.execute(order("r-1", quantity=2), command_id="r-1-a", timeout=30)
            other = await first.execute(order("r-1", quantity=4), command_id="r-1-b", timeout=30)
            assert [one, other] == [OrderCompleted(order_id="r-1", total=total) for total in (10.0, 20.0)]
            assert await second.execute(order("r-1", quantity=2), command_id="r-1-a", timeout=30) == one
            assert await second.execute(order("r-1", quantity=4), command_id="r-1-b", timeout=30) == other

    asyncio.run(play())
    assert sum(charge.order_id == "r-1" for charge in mesh.messages(ChargeCard)) == 2
    assert sum(done.order_id == "r-1" for done in mesh.messages(OrderCompleted)) == 2, "each is published once"


def test_many_calls_wait_on_one_consumer_and_cancelled_ones_disturb_nobody(mesh: Mesh) -> None:
    async def play() -> None:
        async with connected(mesh) as client:
            calls = [asyncio.create_task(client.execute(order(f"m-{n}"), timeout=90)) for n in range(2000)]
            await asyncio.sleep(0)
            for call in calls[::10]:
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert len(client._connection.listeners) == 1
            assert len(client._connection.calls) == 0
        for number, result in enumerate(results):
            if number % 10:
                assert result == OrderCompleted(order_id=f"m-{number}", total=10.0)
            else:
                assert isinstance(result, asyncio.CancelledError)

    asyncio.run(play())


def test_a_run_shows_its_steps(mesh: Mesh) -> None:
    async def play() -> None:
        async with connected(mesh) as client, client.run(order("s-1"), timeout=30) as run:
            steps = [(step.name, step.source) async for step in run]
            assert await run.completion() == OrderCompleted(order_id="s-1", total=10.0)
        assert sorted(name for name, _ in steps) == [
            "CardCharged",
            "ChargeCard",
            "OrderCompleted",
            "OrderPriced",
            "OrderShipped",
            "PriceOrder",
            "ShipOrder",
        ]
        assert ("CardCharged", "node_payment_effect") in steps

    asyncio.run(play())


def test_a_subscription_with_traces_takes_any_trace_context(mesh: Mesh) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    topic = "onex.evt.orders.order-completed.v1"
    parent = f"00-{0xABC:032x}-{0xDEF:016x}-01".encode()
    odd: list[tuple[str, str | bytes | None]] = [("traceparent", raw) for raw in (b"\xff", None, b"", b"x", parent)]
    contexts: list[list[tuple[str, str | bytes | None]]] = [
        *([header] for header in odd),
        [odd[-1], ("tracestate", b"\xff")],
        [],
    ]

    async def play() -> list[str]:
        seen: list[str] = []
        async with MeshClient.connect(settings_of(mesh), tracer_provider=provider) as client:
            async with aclosing(client.subscribe(OrderCompleted, group="traced")) as events:
                producer = Producer({"bootstrap.servers": mesh.bus.config.bootstrap_servers})
                for number, headers in enumerate(contexts):
                    body = json.dumps({"order_id": f"traced-{number}", "total": 1.0})
                    producer.produce(topic, body, key="traced", headers=headers)
                assert producer.flush(10) == 0
                async with asyncio.timeout(30):
                    async for event in events:
                        if event.order_id.startswith("traced-"):
                            seen.append(event.order_id)
                        if len(seen) == len(contexts):
                            return seen
        raise AssertionError(seen)

    assert asyncio.run(play()) == [f"traced-{number}" for number in range(len(contexts))]
    spans = [span for span in exporter.get_finished_spans() if span.name == f"receive {topic}"]
    assert sum(span.parent is not None and span.parent.span_id == 0xDEF for span in spans) == 2


def test_subscriptions(mesh: Mesh) -> None:
    async def play() -> None:
        async with connected(mesh) as client:
            seen: list[str] = []
            ready = asyncio.Event()

            async def follow() -> None:
                async with aclosing(client.subscribe(OrderCompleted, group="audit")) as events:
                    async for event in events:
                        seen.append(event.order_id)
                        ready.set()

            task = asyncio.create_task(follow())
            await client.execute(order("e-1"), timeout=30)
            await asyncio.wait_for(ready.wait(), 60)
            await until(lambda: "e-1" in seen)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            before = len(seen)
            await client.execute(order("e-2"), timeout=30)
            async with aclosing(client.subscribe(OrderCompleted, group="audit")) as events:
                # The one in hand when the task was cancelled comes again; none before it does.
                async for event in events:
                    seen.append(event.order_id)
                    if event.order_id == "e-2":
                        break
            assert len(seen) - before <= 2
            ids = list[str]()
            for _ in range(2):
                async with aclosing(client.subscribe(OrderCompleted, from_beginning=True, with_ids=True)) as found:
                    async for identity, completed in found:
                        if completed.order_id == "e-2":
                            ids.append(identity)
                            break
            assert ids[0] == ids[1] != ""

    asyncio.run(play())


def test_timeout_and_rejection(mesh: Mesh) -> None:
    """Without shipping an order waits; a second order of the same key is refused meanwhile."""
    name = "node_shipping_effect"
    (shipping,) = [p for p in mesh.processes if mesh.info(p.pid).get("node") == name]
    mesh.stop(shipping)

    async def play() -> None:
        async with connected(mesh) as client:
            with pytest.raises(CommandTimeoutError):
                await client.execute(order("t-1"), command_id="t-1-a", timeout=3)
            with pytest.raises(CommandRejectedError, match="already running") as refused:
                await client.execute(order("t-1"), command_id="t-1-b", timeout=30)
            assert refused.value.failure is EnumFailureClass.REJECTED
            await asyncio.to_thread(mesh.start, name)
            done = await client.execute(order("t-1"), command_id="t-1-a", timeout=30)
            assert done == OrderCompleted(order_id="t-1", total=10.0)

    asyncio.run(play())


def test_a_listener_follows_partitions_that_are_added(
    kafka_bus: KafkaEventBusAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = "test-grows"
    monkeypatch.setattr("onex.bus.aio.listener._LOOK_EVERY", 0.05)
    kafka_bus.admin.create([TopicState(topic, 1, 1, {})])

    async def scene() -> None:
        taken: list[tuple[int, bytes | None]] = []
        kafka = AioEventBusAdapter(kafka_bus.config)
        await kafka.start()
        listener = await kafka.listen([topic], lambda record: taken.append((record.partition(), record.value())))
        kafka_bus.admin.grow(topic, 3)
        for number in range(3):
            key = next(b"%d" % n for n in range(100) if partition_of(b"%d" % n, 3) == number)
            kafka_bus.publish(Outgoing(topic, b"v%d" % number, key, []))
        async with asyncio.timeout(30):
            while len(taken) < 3:
                await kafka._producer.client.force_metadata_update()  # otherwise twice a minute
                await asyncio.sleep(0.05)
        assert sorted(taken) == [(0, b"v0"), (1, b"v1"), (2, b"v2")]
        await listener.caught_up()
        await listener.close()
        await kafka.close()
        assert len(taken) == 3

    try:
        asyncio.run(scene())
    finally:
        kafka_bus.admin.delete(topic)
