"""MixinWebhook, with a real receiver."""

import asyncio
import base64
import gzip
import json
import tracemalloc
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from pydantic import JsonValue
from typing_extensions import override

from onex.capability import AgentEnvironment, HealthChecks, ProtocolCurrentMessage
from onex.capability.current_record import NoCurrentRecord, ProtocolCurrentRecord, RecordFacts
from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.encryption import ModelEncryptionSubcontract
from onex.mixins.encryption.engine import EncryptionEngine
from onex.mixins.http_client.addresses import resolve
from onex.mixins.replay_window import ReplayWindow
from onex.mixins.webhook import MixinWebhook, ModelWebhookSubcontract
from onex.mixins.webhook.delivery import Sender
from onex.mixins.webhook.engine import WebhookEngine
from onex.mixins.webhook.signature import sign
from onex.mixins.webhook.store import SubscriptionStore
from onex.mixins.webhook.subscribers import Subscribers
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from onex.util.clock import to_datetime
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, Receiver, container, mute_server

FOLDER = TemporaryDirectory()
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
DATA: JsonValue = {"order": "o-1"}


def built(
    settings: ModelWebhookSubcontract,
    clock: ManualClock,
    home: Path,
    record: ProtocolCurrentRecord | None = None,
) -> WebhookEngine:
    rules = settings.subscriptions
    encryption = EncryptionEngine(ModelEncryptionSubcontract(keys=rules.keys), clock)
    store = SubscriptionStore(home / "subscriptions", rules.most, encryption)
    subscribers = Subscribers(rules, store, Sender(settings, clock), lambda *_: None, resolve)
    window = ReplayWindow(home / "window", settings.remembered_ids, clock)
    return WebhookEngine(settings, CURRENT_MESSAGE, record or NoCurrentRecord(), window, subscribers, clock)


def engine(url: str = "", clock: ManualClock | None = None, **settings: object) -> WebhookEngine:
    endpoint = {"name": "shop", "url": url, "secrets": [SECRET], **_endpoint(settings)}
    fast = {"base_delay_seconds": 0.001, "endpoints": [endpoint], **settings}
    return built(ModelWebhookSubcontract.model_validate(fast), clock or ManualClock(), Path(mkdtemp(dir=FOLDER.name)))


def _endpoint(settings: dict[str, object]) -> dict[str, object]:
    return {name: settings.pop(name) for name in ("secrets", "events") if name in settings}


def deliver(made: WebhookEngine, event: str = "order.paid", id: str = "") -> bool:
    async def live() -> bool:
        await made.open()
        try:
            return await made.deliver("shop", event, DATA, id=id)
        finally:
            await made.close()

    return asyncio.run(live())


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks."""
    found = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    with pytest.raises(ValueError, match="must continue with base64"):
        sign("whsec_not base64", "m", 1, b"")


@pytest.mark.enforces(
    "webhook.endpoints", "webhook.endpoints.name", "webhook.endpoints.url", "webhook.endpoints.secrets"
)
def test_a_delivery_is_signed_and_verified_by_the_other_side() -> None:
    with Receiver().running() as receiver:
        sender = engine(f"{receiver.url}/hook")
        assert deliver(sender)
    (request,) = receiver.requests
    assert request.path == "/hook"
    assert json.loads(request.body)["data"] == DATA
    assert json.loads(request.body)["type"] == "order.paid"
    identity = engine().verify("shop", request.headers, request.body)
    assert identity == request.headers["webhook-id"]
    with pytest.raises(RejectedError, match="the signature is wrong"):
        engine(secrets=["another"]).verify("shop", request.headers, request.body)
    assert engine(secrets=["another", SECRET]).verify("shop", request.headers, request.body) == identity
    with pytest.raises(RejectedError, match="signature is wrong"):
        engine().verify("shop", request.headers, request.body + b" ")
    assert sender.reported_metrics() == {"delivered": 1.0, "failed": 0.0}
    with pytest.raises(KeyError):
        asyncio.run(engine().deliver("nobody", "order.paid", DATA))


def test_the_id_is_that_of_the_message_however_often_it_is_tried() -> None:
    with Receiver().running() as receiver:
        for _ in range(2):
            deliver(engine(receiver.url))
        deliver(engine(receiver.url), "order.sent")
        deliver(engine(receiver.url), id="msg_mine")
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        assert ids[0] == ids[1] != ids[2]
        assert ids[3] == "msg_mine"


@pytest.mark.enforces("webhook.endpoints.events")
def test_an_endpoint_gets_its_event_types() -> None:
    with Receiver().running() as receiver:
        made = engine(receiver.url, events=["order.paid"])
        assert deliver(made)
        assert not deliver(made, "order.sent")
        assert len(receiver.requests) == 1


def test_a_long_response_is_not_read() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with Receiver((200, {"content-encoding": "gzip"}, bomb), (200, {}, b"x" * 5_000_000)).running() as receiver:
        made = engine(receiver.url)
        tracemalloc.start()
        try:
            assert deliver(made)
            assert deliver(made)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4_000_000


def test_one_that_only_delivers_to_us_gets_nothing() -> None:
    with pytest.raises(RejectedError, match="shop has no url"):
        deliver(engine())


@pytest.mark.enforces("webhook.max_attempts")
def test_transient_failures_are_retried() -> None:
    with Receiver((503, {}, b""), (429, {}, b""), (200, {}, b"")).running() as receiver:
        assert deliver(engine(receiver.url, max_attempts=3))
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    with Receiver((503, {}, b"")).running() as receiver:
        made = engine(receiver.url, max_attempts=2)
        with pytest.raises(TransientError, match="shop returned status 503"):
            deliver(made)
        assert len(receiver.requests) == 2
        assert made.reported_metrics()["failed"] == 1.0
    with pytest.raises(TransientError, match="shop: "):
        deliver(engine("http://127.0.0.1:1", max_attempts=1))
    with Receiver((410, {}, b"")).running() as receiver:
        with pytest.raises(RejectedError, match="shop returned status 410"):
            deliver(engine(receiver.url))
        assert len(receiver.requests) == 1


def took(made: WebhookEngine) -> float:
    async def live() -> float:
        start = asyncio.get_running_loop().time()
        await made.deliver("shop", "order.paid", DATA)
        return asyncio.get_running_loop().time() - start

    return asyncio.run(live())


@pytest.mark.enforces("webhook.base_delay_seconds", "webhook.max_delay_seconds")
def test_delays_grow_and_the_other_side_has_the_last_word() -> None:
    ill: tuple[int, dict[str, str], bytes] = (503, {}, b"")
    well: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    with Receiver(ill, ill, well).running() as receiver:
        assert took(engine(receiver.url, base_delay_seconds=0.1)) >= 0.3
    with Receiver(ill, ill, well).running() as receiver:
        assert took(engine(receiver.url, base_delay_seconds=60, max_delay_seconds=0.05)) < 30
    with Receiver((503, {"retry-after": "1"}, b""), well).running() as receiver:
        assert took(engine(receiver.url)) >= 1
    clock = ManualClock()
    at = format_datetime(to_datetime(clock.now_ms() + 1000))
    with Receiver((503, {"retry-after": at}, b""), well).running() as receiver:
        assert took(engine(receiver.url, clock)) >= 0.9
    with Receiver((503, {"retry-after": "soon"}, b""), well).running() as receiver:
        assert took(engine(receiver.url)) < 30


@pytest.mark.enforces("webhook.timeout_seconds")
def test_a_silent_receiver_is_disconnected() -> None:
    async def live() -> None:
        async with mute_server() as port:
            url = f"http://127.0.0.1:{port}"
            made = engine(url, timeout_seconds=0.2, max_attempts=1)
            with pytest.raises(TransientError, match="shop: ReadTimeout"):
                await asyncio.wait_for(made.deliver("shop", "order.paid", DATA), 20)

    asyncio.run(live())


def signed(clock: ManualClock, identity: str = "msg_1", ago: int = 0) -> dict[str, str]:
    stamp = clock.now_ms() // 1000 - ago
    return {
        "Webhook-Id": identity,
        "Webhook-Timestamp": str(stamp),
        "Webhook-Signature": f"v1,AAAA {sign(SECRET, identity, stamp, b'{}')}",
    }


@pytest.mark.enforces("webhook.tolerance_seconds")
def test_old_and_future_deliveries_are_refused() -> None:
    clock = ManualClock()
    clock.move_to(clock.monotonic() + 1_000)
    made = engine(clock=clock, tolerance_seconds=60)
    for ago in (62, -62):
        with pytest.raises(RejectedError, match="more than tolerance_seconds from now"):
            made.verify("shop", signed(clock, ago=ago), b"{}")
    assert made.verify("shop", signed(clock, ago=59), b"{}") == "msg_1"


@pytest.mark.enforces("webhook.remembered_ids")
def test_repeated_deliveries_are_refused() -> None:
    clock = ManualClock()
    made = engine(clock=clock, remembered_ids=2)
    made.verify("shop", signed(clock), b"{}")
    with pytest.raises(RejectedError, match="msg_1 was delivered before"):
        made.verify("shop", signed(clock), b"{}")
    made.verify("shop", signed(clock, "msg_2"), b"{}")
    with pytest.raises(OutageError, match="is full with 2 tokens"):
        made.verify("shop", signed(clock, "msg_3"), b"{}")


class Record(ProtocolCurrentRecord):
    """A current record."""

    def __init__(self, offset: int) -> None:
        self.now = RecordFacts("t", 0, offset, b"k", b"v", b"m", 0, is_repeated=False)

    @override
    def facts(self) -> RecordFacts | None:
        return self.now


def test_a_repetition_is_refused_after_a_restart_and_a_retried_message_is_not(tmp_path: Path) -> None:
    clock = ManualClock()
    endpoint = {"name": "shop", "secrets": [SECRET]}
    settings = ModelWebhookSubcontract.model_validate({"endpoints": [endpoint]})

    def verify(offset: int) -> str:
        made = built(settings, clock, tmp_path, Record(offset))

        async def live() -> str:
            await made.open()
            try:
                return made.verify("shop", signed(clock), b"{}")
            finally:
                await made.close()

        return asyncio.run(live())

    assert verify(1) == "msg_1"
    assert verify(1) == "msg_1", "the same record again"
    with pytest.raises(RejectedError, match="msg_1 was delivered before"):
        verify(2)


def test_health_is_that_of_the_last_delivery() -> None:
    with Receiver((410, {}, b""), (200, {}, b"")).running() as receiver:
        made = engine(receiver.url)
        asyncio.run(made.probe("shop"))
        with pytest.raises(RejectedError):
            deliver(made)
        with pytest.raises(OutageError, match="the last delivery failed: shop returned status 410"):
            asyncio.run(made.probe("shop"))
        assert len(receiver.requests) == 1, "a check sends nothing"
        assert deliver(made)
        asyncio.run(made.probe("shop"))


def test_a_cancelled_delivery_says_nothing_about_the_endpoint() -> None:
    async def live() -> None:
        async with mute_server() as port:
            made = engine(f"http://127.0.0.1:{port}")
            task = asyncio.create_task(made.deliver("shop", "order.paid", DATA))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await made.probe("shop")
            assert made.reported_metrics()["failed"] == 1.0

    asyncio.run(live())


@pytest.mark.parametrize("without", ["Webhook-Id", "Webhook-Timestamp"])
def test_incomplete_rules_are_refused(without: str) -> None:
    clock = ManualClock()
    headers = signed(clock)
    del headers[without]
    with pytest.raises(RejectedError, match="is missing"):
        engine(clock=clock).verify("shop", headers, b"{}")


def test_a_node_delivers(tmp_path: Path) -> None:
    class Node(MixinWebhook, NodeEffect):
        pass

    with Receiver().running() as receiver:
        node = Node()
        endpoint = {"name": "shop", "url": receiver.url, "secrets": ["s"]}
        settings = ModelWebhookSubcontract.model_validate({"endpoints": [endpoint]})
        node.container = container(AgentEnvironment(home=tmp_path), settings)
        node.container.registry.value(ProtocolCurrentMessage, FakeCurrentMessage("m-9"))
        assert asyncio.run(node.webhooks.deliver("shop", "order.paid", DATA))
        assert list(node.container.get(HealthChecks).all) == ["webhook.shop"]
