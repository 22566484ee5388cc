"""Subscribes other systems at run time, and delivers events to them."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

import httpx
from pydantic import JsonValue

from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.http_client.addresses import permitted
from onex.mixins.http_client.transport import GuardedTransport, Resolve
from onex.mixins.webhook.delivery import Delivery, GoneError, Sender, Target, identity_of
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookSubscriptions
from onex.mixins.webhook.store import SubscriptionStore
from onex.mixins.webhook.subscription import (
    WebhookSubscription,
    checked_events,
    checked_origin,
    checked_secret,
    id_of,
)
from onex.util.tls import trusted

_NETWORKS = "webhook.subscriptions.private_networks"
_TOGETHER = 10
"""Deliveries of one event at the same time."""
_ONE_CONNECTION = httpx.Limits(max_connections=1)


class Subscribers:
    """The subscriptions of a node.

    Each delivery has a connection of its own, to an address that was checked. It uses no proxy of the environment and
    follows no redirect, so that a URL cannot lead into a network that the contract does not allow.
    """

    def __init__(
        self,
        rules: ModelWebhookSubscriptions,
        store: SubscriptionStore,
        sender: Sender,
        report: Callable[[str, str, str], None],
        resolve: Resolve,
    ) -> None:
        """``report`` takes the id of a subscription, an event and a reason."""
        self._rules = rules
        self._store = store
        self._sender = sender
        self._report = report
        self._resolve = resolve
        self._context: ssl.SSLContext | None = None
        self._places = asyncio.Semaphore(_TOGETHER)

    def close(self) -> None:
        """Close the file of the subscriptions."""
        self._store.close()

    async def add(self, url: str, events: Sequence[str], secret: str) -> WebhookSubscription:
        """Add or replace the subscription of a URL. See :meth:`ProtocolWebhook.subscribe`."""
        origin = checked_origin(self._rules, url)
        made = WebhookSubscription(id_of(url), url, checked_events(events), secret=checked_secret(secret))
        try:
            addresses = await self._resolve(origin.host, origin.port)
        except OutageError as error:  # the other system chose the name, so that no message waits for it
            raise RejectedError(str(error)) from None
        permitted(origin.host, addresses, self._rules.private_networks, _NETWORKS)
        await asyncio.to_thread(self._store.put, made)
        self._report(made.id, "subscribed", f"events: {', '.join(made.events) or 'all'}")
        return made

    async def remove(self, id: str) -> bool:
        """Remove a subscription. Return whether there was one."""
        removed = await asyncio.to_thread(self._store.remove, id)
        if removed:
            self._report(id, "unsubscribed", "")
        return removed

    async def all(self) -> Sequence[WebhookSubscription]:
        """Return all subscriptions, without their secrets."""
        return await asyncio.to_thread(self._store.all)

    async def publish(self, event_type: str, data: JsonValue, message_id: str) -> int:
        """Deliver an event to all that receive it. See :meth:`ProtocolWebhook.publish`."""
        body = self._sender.body_of(event_type, data)
        receivers = [each for each in await self.all() if each.receives(event_type)]
        results = await asyncio.gather(
            *(self._deliver(to, Delivery(identity_of(message_id, to.id, event_type, data), body)) for to in receivers)
        )
        if failures := [result for result in results if result]:
            raise TransientError(f"{len(failures)} of {len(results)} deliveries failed: {'; '.join(failures[:5])}")
        return sum(result is not None for result in results)

    async def _deliver(self, to: WebhookSubscription, delivery: Delivery) -> str | None:
        """Return an empty text for an accepted event, a failure that may pass, or None for one that is final."""
        async with self._places:
            try:
                accepted = await self._send(to, delivery)
            except GoneError as error:
                await self._failed(to.id, str(error), 1)
                return None
            except RejectedError as error:
                await self._failed(to.id, str(error), self._rules.disable_after)
                return None
            except TransientError as error:
                disabled = await self._failed(to.id, str(error), self._rules.disable_after)
                return None if disabled else str(error)
            if not accepted:
                return None
            if to.failures:
                await asyncio.to_thread(self._store.succeeded, to.id)
            return ""

    async def _send(self, to: WebhookSubscription, delivery: Delivery) -> bool:
        """Return False when the subscription was removed meanwhile."""
        secret = await asyncio.to_thread(self._store.secret, to.id)
        if secret is None:
            return False
        origin = checked_origin(self._rules, to.url)  # the contract may have changed since the subscription
        if self._context is None and origin.scheme == "https":
            self._context = await asyncio.to_thread(trusted)
        transport = GuardedTransport(
            [origin],
            self._rules.private_networks,
            _ONE_CONNECTION,
            "",
            self._resolve,
            context=self._context,
            networks_field=_NETWORKS,
        )
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            await self._sender.send(client, Target(to.id, to.url, secret), delivery)
        return True

    async def _failed(self, id: str, reason: str, limit: int) -> bool:
        """Count a failure. Return whether it disabled the subscription."""
        disabled = await asyncio.to_thread(self._store.failed, id, reason, limit)
        if disabled:
            self._report(id, "disabled", reason)
        return disabled

    async def probe(self) -> None:
        """Raise OutageError for subscriptions whose last delivery failed. Nothing is sent."""
        failing = [each for each in await self.all() if each.failures]
        if failing:
            words = [f"{each.reason}{'' if each.enabled else ' (disabled)'}" for each in failing[:5]]
            raise OutageError(f"{len(failing)} subscriptions fail: {'; '.join(words)}")
