"""Delivers events, and verifies delivered ones."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from uuid import uuid4

import httpx
from pydantic import JsonValue
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.capability.current_record import ProtocolCurrentRecord
from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.replay_window import ReplayWindow
from onex.mixins.webhook.delivery import Delivery, Sender, Target, identity_of
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookSubcontract
from onex.mixins.webhook.protocol_webhook import ProtocolWebhook
from onex.mixins.webhook.signature import sign
from onex.mixins.webhook.subscribers import Subscribers
from onex.mixins.webhook.subscription import WebhookSubscription
from onex.util.clock import ProtocolClock
from onex.util.tls import trusted


class WebhookEngine(ProtocolWebhook):
    """Signs deliveries and retries them. Remembers the ids of received ones."""

    def __init__(
        self,
        settings: ModelWebhookSubcontract,
        current_message: ProtocolCurrentMessage,
        current_record: ProtocolCurrentRecord,
        window: ReplayWindow,
        subscribers: Subscribers,
        clock: ProtocolClock,
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._current_record = current_record
        self._window = window
        self._subscribers = subscribers
        self._clock = clock
        self._sender = Sender(settings, clock)
        self._endpoints = {endpoint.name: endpoint for endpoint in settings.endpoints}
        self._problems: dict[str, str] = {}
        """Why the last delivery to an endpoint failed."""
        self._client = httpx.AsyncClient(verify=trusted())
        self._delivered = self._failed = 0

    async def open(self) -> None:
        """Open the replay window of an endpoint. Deliveries connect. Raise TransientError for a broken file."""
        if self._endpoints:
            self._window.open()

    async def close(self) -> None:
        """Close connections and files."""
        await self._client.aclose()
        self._client = httpx.AsyncClient(verify=trusted())
        self._window.close()
        self._subscribers.close()

    @override
    async def deliver(self, endpoint: str, event_type: str, data: JsonValue, *, id: str = "") -> bool:
        to = self._endpoints[endpoint]
        if to.events and event_type not in to.events:
            return False
        if not to.url:
            raise RejectedError(f"{endpoint} has no url; it only sends events")
        identity = id or identity_of(self._current_message.message_id, to.name, event_type, data)
        delivery = Delivery(identity, self._sender.body_of(event_type, data))
        try:
            await self._sender.send(self._client, Target(to.name, to.url, to.secrets[0]), delivery)
        except (TransientError, RejectedError) as error:
            self._failed += 1
            self._problems[endpoint] = str(error)
            raise
        except BaseException:
            self._failed += 1
            raise
        self._problems.pop(endpoint, None)
        self._delivered += 1
        return True

    @override
    def verify(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> str:
        received = {name.lower(): value for name, value in headers.items()}
        identity, stamp = received.get("webhook-id", ""), received.get("webhook-timestamp", "")
        if not identity or not stamp.isdecimal():
            raise RejectedError(f"{endpoint}: webhook-id or webhook-timestamp is missing")
        if abs(self._clock.now_ms() / 1000 - int(stamp)) > self._settings.tolerance_seconds:
            raise RejectedError(f"{endpoint}: webhook-timestamp is more than tolerance_seconds from now")
        signatures = [signature.encode() for signature in received.get("webhook-signature", "").split()]
        expected = [
            sign(secret.get_secret_value(), identity, int(stamp), body).encode()
            for secret in self._endpoints[endpoint].secrets
        ]
        if not any(hmac.compare_digest(actual, valid) for actual in signatures for valid in expected):
            raise RejectedError(f"{endpoint}: the signature is wrong")
        record = self._current_record.facts()
        token = hashlib.sha256(f"{endpoint}\0{identity}".encode()).digest()
        until_ms = self._clock.now_ms() + round(2_000 * self._settings.tolerance_seconds)
        if not self._window.first(token, uuid4().hex if record is None else record.place, until_ms):
            raise RejectedError(f"{endpoint}: {identity} was delivered before")
        return identity

    @override
    async def subscribe(self, url: str, *, events: Sequence[str] = (), secret: str = "") -> WebhookSubscription:
        return await self._subscribers.add(url, events, secret)

    @override
    async def unsubscribe(self, id: str) -> bool:
        return await self._subscribers.remove(id)

    @override
    async def subscriptions(self) -> Sequence[WebhookSubscription]:
        return await self._subscribers.all()

    @override
    async def publish(self, event_type: str, data: JsonValue) -> int:
        return await self._subscribers.publish(event_type, data, self._current_message.message_id)

    async def probe(self, endpoint: str) -> None:
        """Raise OutageError when the last delivery to an endpoint failed. Nothing is sent."""
        if problem := self._problems.get(endpoint):
            raise OutageError(f"the last delivery failed: {problem}")

    def reported_metrics(self) -> Mapping[str, float]:
        """Accepted and failed deliveries to endpoints."""
        return {"delivered": float(self._delivered), "failed": float(self._failed)}
