"""Subscriptions of MixinWebhook, with a real receiver."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import ValidationError

from onex.capability import AgentEnvironment, HealthChecks, ProtocolCurrentMessage, Reports
from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.encryption import ModelEncryptionSubcontract
from onex.mixins.encryption.engine import EncryptionEngine
from onex.mixins.http_client.addresses import Address
from onex.mixins.webhook import MixinWebhook, ModelWebhookSubcontract, ModelWebhookSubscriptions
from onex.mixins.webhook.delivery import Sender
from onex.mixins.webhook.signature import sign
from onex.mixins.webhook.store import SubscriptionStore
from onex.mixins.webhook.subscribers import Subscribers
from onex.mixins.webhook.subscription import WebhookSubscription, id_of
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import FakeCurrentMessage, Receiver, container

R = TypeVar("R")
KEY = {"id": "k", "value": base64.b64encode(bytes(32)).decode()}
OTHER_KEY = {"id": "other", "value": base64.b64encode(b"o" * 32).decode()}
SECRET = "twenty-four-characters-x"
LOCAL: dict[str, object] = {"allowed_hosts": ["127.0.0.1"], "private_networks": ["127.0.0.0/8"], "allow_http": True}


class Names:
    """Names of hosts. Unknown ones have no address."""

    def __init__(self, **known: str) -> None:
        self.known = known

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        if host == "127.0.0.1":
            return [ip_address(host)]
        if host.split(".")[0] not in self.known:
            raise OutageError(f"the host {host} has no address")
        return [ip_address(self.known[host.split(".")[0]])]


class Bench:
    """Subscribers, and what they report."""

    def __init__(self, folder: Path, names: Names | None = None, max_attempts: int = 1, **rules: object) -> None:
        self.rules = ModelWebhookSubscriptions.model_validate({"keys": [KEY], **rules})
        settings = ModelWebhookSubcontract(
            max_attempts=max_attempts, base_delay_seconds=0.001, subscriptions=self.rules
        )
        clock = ManualClock()
        encryption = EncryptionEngine(ModelEncryptionSubcontract(keys=self.rules.keys), clock)
        self.file = folder / "folder" / "s.sqlite3"
        self.store = SubscriptionStore(self.file, self.rules.most, encryption)
        self.reports: list[tuple[str, str, str]] = []
        self.made = Subscribers(
            self.rules,
            self.store,
            Sender(settings, clock),
            lambda *report: self.reports.append(report),
            names or Names(),
        )

    def add(self, url: str, events: Sequence[str] = (), secret: str = SECRET) -> WebhookSubscription:
        return asyncio.run(self.made.add(url, events, secret))

    def publish(self, event: str = "order.paid") -> int:
        return asyncio.run(self.made.publish(event, {"order": "o-1"}, "m-1"))

    def all(self) -> Sequence[WebhookSubscription]:
        return asyncio.run(self.made.all())

    def probe(self) -> None:
        asyncio.run(self.made.probe())


def bench(folder: Path, receiver: Receiver, **rules: object) -> Bench:
    return Bench(folder, **{**LOCAL, "ports": [receiver.port], **rules})  # type: ignore[arg-type]  # as given


@pytest.mark.enforces(
    "webhook.subscriptions",
    "webhook.subscriptions.keys",
    "webhook.subscriptions.keys.id",
    "webhook.subscriptions.keys.value",
)
def test_a_subscription_outlives_the_process_and_its_deliveries_are_signed(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        first = bench(tmp_path, receiver)
        added = first.add(f"{receiver.url}/hook?token=t0ken", ["order.*"])
        assert added.secret.get_secret_value() == SECRET
        first.made.close()
        first.made.close()
        again = bench(tmp_path, receiver)
        (found,) = again.all()
        assert found == replace(added, secret=found.secret)
        assert found.secret.get_secret_value() == ""
        assert again.publish() == 1
        assert again.publish("invoice.paid") == 0
        (request,) = receiver.requests
        stamp = int(request.headers["webhook-timestamp"])
        expected = sign(SECRET, request.headers["webhook-id"], stamp, request.body)
        assert request.headers["webhook-signature"] == expected
        assert request.path == "/hook?token=t0ken"
        assert again.publish() == 1
        assert receiver.requests[1].headers["webhook-id"] == request.headers["webhook-id"]
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in again.file.parent.iterdir())
    assert again.file.stat().st_mode & 0o77 == 0
    shown = f"{added} {again.reports} {first.reports}"
    assert SECRET not in shown
    assert "t0ken" not in shown
    assert first.reports == [(added.id, "subscribed", "events: order.*")]


def test_a_secret_is_bound_to_its_subscription_and_its_key(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        first = bench(tmp_path, receiver)
        first.add(receiver.url)
        other = bench(tmp_path, receiver, keys=[OTHER_KEY])
        assert other.publish() == 0
        assert not receiver.requests
        (found,) = other.all()
        assert "the key 'k' of this envelope is not configured" in found.reason


@pytest.mark.enforces("webhook.subscriptions.keys.until")
def test_a_key_that_ended_encrypts_no_further_secret(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        bench(tmp_path, receiver).add(receiver.url)
        ended = bench(tmp_path, receiver, keys=[{**KEY, "until": "1970-01-01T00:00:00Z"}])
        with pytest.raises(OutageError, match="the key k has ended"):
            ended.add(f"{receiver.url}/other")
        assert len(ended.all()) == 1
        assert ended.publish() == 1, "it still decrypts"


def test_a_url_has_one_subscription_that_can_be_replaced_and_removed(tmp_path: Path) -> None:
    with Receiver((500, {}, b""), (200, {}, b"")).running() as receiver:
        made = bench(tmp_path, receiver, disable_after=1)
        added = made.add(receiver.url, ["a", "a"])
        made.publish("a")
        assert not made.all()[0].enabled
        again = made.add(receiver.url, ["b"], "")
        assert again.id == added.id == id_of(receiver.url)
        assert again.secret.get_secret_value().startswith("whsec_")
        assert [(each.enabled, each.failures, each.events) for each in made.all()] == [(True, 0, ("b",))]
        assert made.publish("b") == 1
        assert asyncio.run(made.made.remove(added.id))
        assert not asyncio.run(made.made.remove(added.id))
        assert made.reports[-1] == (added.id, "unsubscribed", "")
        assert made.all() == []
        assert made.publish("b") == 0


@pytest.mark.enforces("webhook.subscriptions.most")
def test_only_so_many_subscriptions_exist(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        made = bench(tmp_path, receiver, most=1)
        made.add(f"{receiver.url}/1")
        made.add(f"{receiver.url}/1")
        with pytest.raises(RejectedError, match="there are 1 subscriptions; webhook.subscriptions.most"):
            made.add(f"{receiver.url}/2")
        assert len(made.all()) == 1


@pytest.mark.enforces("webhook.subscriptions.disable_after")
def test_one_that_fails_is_disabled_with_an_event_and_the_others_get_theirs(tmp_path: Path) -> None:
    with Receiver((503, {}, b"")).running() as ill, Receiver().running() as well:
        made = Bench(tmp_path, **{**LOCAL, "ports": [ill.port, well.port], "disable_after": 2})  # type: ignore[arg-type]  # as given
        failing = made.add(ill.url).id
        made.add(well.url)
        with pytest.raises(TransientError, match=f"1 of 2 deliveries failed: {failing} returned status 503"):
            made.publish()
        with pytest.raises(OutageError, match=f"1 subscriptions fail: {failing} returned status 503$"):
            made.probe()
        assert made.publish() == 1, "no message waits for one that is disabled"
        assert made.reports[-1] == (failing, "disabled", f"{failing} returned status 503")
        with pytest.raises(OutageError, match=r"503 \(disabled\)"):
            made.probe()
        assert made.publish() == 1
        assert len(ill.requests) == 2
        assert len(well.requests) == 3


def test_failures_in_a_row_count(tmp_path: Path) -> None:
    with Receiver((400, {}, b""), (200, {}, b""), (400, {}, b""), (200, {}, b"")).running() as receiver:
        made = bench(tmp_path, receiver, disable_after=2)
        made.add(receiver.url)
        assert [made.publish() for _ in range(4)] == [0, 1, 0, 1]
        assert made.all()[0].enabled
        made.probe()


def test_one_that_is_gone_is_disabled_at_once(tmp_path: Path) -> None:
    with Receiver((410, {}, b"")).running() as receiver:
        made = bench(tmp_path, receiver)
        made.add(receiver.url)
        assert made.publish() == 0
        assert not made.all()[0].enabled


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    with Receiver().running() as inner:
        with Receiver((307, {"location": f"{inner.url}/admin"}, b"")).running() as receiver:
            made = bench(tmp_path, receiver, ports=[receiver.port, inner.port])
            made.add(receiver.url)
            assert made.publish() == 0
            assert "returned status 307" in made.all()[0].reason
        assert not inner.requests


@pytest.mark.enforces(
    "webhook.subscriptions.allowed_hosts", "webhook.subscriptions.allow_http", "webhook.subscriptions.ports"
)
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://shop.example.org/hook", ""),
        ("https://a.shop.example.net", ""),
        ("https://SHOP.example.org", ""),
        ("https://example.net", "is no host for subscriptions"),
        ("https://badexample.net", "is no host for subscriptions"),
        ("https://shop.example.org.evil.com", "is no host for subscriptions"),
        ("http://shop.example.org", "must begin with https"),
        ("https://shop.example.org:8443", "8443 is no port"),
        ("https://user:pw@shop.example.org", "it is no URL"),
        ("https://evil.com#@shop.example.org", "it is no URL"),
        ("file:///etc/passwd", "it is no URL"),
        ("https://shop.example.org:port", "it is no URL"),
        ("https://shop.example.org/" + "a" * 2048, "it is no URL"),
        ("https://unknown.example.org", "has no address"),
    ],
)
def test_urls_that_the_contract_does_not_allow_are_refused(tmp_path: Path, url: str, problem: str) -> None:
    names = Names(shop="93.184.216.34", a="93.184.216.34")
    hosts = ["shop.example.org", "unknown.example.org", "*.example.net"]
    made = Bench(tmp_path, names, allowed_hosts=hosts)
    if not problem:
        made.add(url)
        return
    with pytest.raises(RejectedError, match=problem) as caught:
        made.add(url)
    assert "pw" not in str(caught.value)


@pytest.mark.enforces("webhook.subscriptions.private_networks")
@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
def test_no_name_leads_into_a_private_network(tmp_path: Path, address: str) -> None:
    names = Names(inner=address)
    made = Bench(tmp_path, names, allowed_hosts=["*"])
    with pytest.raises(RejectedError, match="webhook.subscriptions.private_networks in the contract allows"):
        made.add("https://inner.example.org")
    names.known["inner"] = "93.184.216.34"
    made.add("https://inner.example.org")
    names.known["inner"] = address
    assert made.publish() == 0, "the name leads elsewhere later"
    assert "in a network that is not public" in made.all()[0].reason


def test_a_contract_that_allows_fewer_hosts_stops_deliveries(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        bench(tmp_path, receiver).add(receiver.url)
        made = bench(tmp_path, receiver, allowed_hosts=["shop.example.org"])
        assert made.publish() == 0
        assert not receiver.requests


def test_https_verifies_the_certificate(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        made = bench(tmp_path, receiver)
        made.add(receiver.url.replace("http:", "https:"))
        for _ in range(2):
            with pytest.raises(TransientError, match="1 of 1 deliveries failed"):
                made.publish()
        assert not receiver.requests


@pytest.mark.parametrize("events", [["a b"], ["*"], ["a.*.b"], [""], ["a.b"] * 101])
def test_wrong_filters_are_refused(tmp_path: Path, events: list[str]) -> None:
    with pytest.raises(RejectedError, match=r"is no event type|101 event types"):
        Bench(tmp_path, **LOCAL, ports=[1]).add("http://127.0.0.1:1", events)  # type: ignore[arg-type]  # as given


@pytest.mark.parametrize("secret", ["short", "whsec_no base64", "x" * 257])
def test_weak_secrets_are_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(RejectedError, match=r"bytes; 16 to 256|must continue with base64") as caught:
        Bench(tmp_path, **LOCAL, ports=[1]).add("http://127.0.0.1:1", (), secret)  # type: ignore[arg-type]  # as given
    assert secret not in str(caught.value)


def test_a_filter_names_types_and_groups() -> None:
    one = WebhookSubscription("i", "u", ("order.*", "note"))
    assert [one.receives(each) for each in ("order.paid", "note", "order", "orders.paid", "note.x")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_one_that_is_removed_while_an_event_is_sent_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver().running() as receiver:
        made = bench(tmp_path, receiver)
        added = made.add(receiver.url)
        listed = made.all()
        made.store.remove(added.id)
        monkeypatch.setattr(made.store, "all", lambda: listed)
        assert made.publish() == 0
        assert not receiver.requests
        monkeypatch.undo()
        assert not made.store.failed(added.id, "gone", 1)
        made.store.succeeded(added.id)
        assert made.all() == []


def test_a_file_that_cannot_be_used_lets_messages_wait(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("no folder")
    with pytest.raises(OutageError, match="cannot be used"):
        Bench(tmp_path, **LOCAL).all()  # type: ignore[arg-type]  # as given


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"allowed_hosts": ["a"]}, "allowed_hosts needs `keys`"),
        ({"allowed_hosts": ["https://a"], "keys": [KEY]}, "is no host; write"),
        ({"allowed_hosts": ["a.*"], "keys": [KEY]}, "is no host; write"),
        ({"keys": [KEY, KEY]}, "two keys have the same id"),
    ],
)
def test_wrong_rules_are_refused(rules: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ModelWebhookSubscriptions.model_validate(rules)


class Node(MixinWebhook, NodeEffect):
    """Has subscribers."""


def node_of(home: Path, **rules: object) -> Node:
    node, subscriptions = Node(), {"keys": [KEY], **LOCAL, **rules}
    settings = ModelWebhookSubcontract.model_validate({"subscriptions": subscriptions})
    node.container = container(AgentEnvironment(home=home), settings)
    node.container.registry.value(ProtocolCurrentMessage, FakeCurrentMessage("m-9"))
    return node


def live(node: Node, steps: Callable[[], Awaitable[R]]) -> R:
    async def run() -> R:
        await node.webhooks.open()  # type: ignore[attr-defined]  # of the engine
        try:
            return await steps()
        finally:
            await node.webhooks.close()  # type: ignore[attr-defined]  # of the engine

    return asyncio.run(run())


@pytest.mark.enforces("webhook.subscriptions.folder")
def test_a_node_has_subscribers(tmp_path: Path) -> None:
    with Receiver().running() as receiver:
        node = node_of(tmp_path, ports=[receiver.port])

        async def steps() -> None:
            added = await node.webhooks.subscribe(receiver.url, events=["order.paid"])
            assert [each.id for each in await node.webhooks.subscriptions()] == [added.id]
            assert await node.webhooks.publish("order.paid", {"order": "o-1"}) == 1
            await node.container.get(HealthChecks).all["webhook_subscriptions"].probe()
            assert await node.webhooks.unsubscribe(added.id)

        live(node, steps)
        reported = [report.event for report in node.container.get(Reports).take()]
        assert reported == ["subscribed", "unsubscribed"]
        assert [file.name for file in (tmp_path / "webhooks").glob("*.sqlite3")] == ["node_a_effect.sqlite3"]
        elsewhere = node_of(tmp_path, ports=[receiver.port], folder=str(tmp_path / "other"))
        live(elsewhere, lambda: elsewhere.webhooks.subscribe(receiver.url))
        assert (tmp_path / "other" / "node_a_effect.sqlite3").exists()
