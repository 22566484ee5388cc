"""Interface of webhooks."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

from onex.mixins.webhook.subscription import WebhookSubscription


class ProtocolWebhook(Protocol):
    """Events to and from other systems, in the format of Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

    async def deliver(self, endpoint: str, event_type: str, data: JsonValue, *, id: str = "") -> bool:
        """Deliver an event. Return True when the endpoint has accepted it, False when it does not receive this type.

        All attempts have the same id, also those of a retried message, so that the endpoint can drop repetitions.
        Without ``id`` it is derived from the current message. Raise TransientError when all attempts failed,
        RejectedError when the endpoint refuses the event, KeyError for an undeclared endpoint.
        """
        ...

    def verify(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> str:
        """Verify an event that the endpoint has sent. Return its id and remember it.

        A message that is handled again may verify its event again. Raise RejectedError for a wrong signature, a
        wrong time, and a repeated id; OutageError while the id cannot be remembered.
        """
        ...

    async def subscribe(self, url: str, *, events: Sequence[str] = (), secret: str = "") -> WebhookSubscription:
        """Subscribe a URL to event types (``order.paid``, ``order.*``; empty for all), until it is removed.

        Return it with its secret, which is not readable again. An empty ``secret`` makes a new one. The subscription
        of the same URL is replaced and enabled. Raise RejectedError for a URL, filter or secret that is not allowed,
        and for one subscription too many. The node decides which callers may.
        """
        ...

    async def unsubscribe(self, id: str) -> bool:
        """Remove a subscription by its id. Return whether there was one."""
        ...

    async def subscriptions(self) -> Sequence[WebhookSubscription]:
        """Return all subscriptions by id, without their secrets."""
        ...

    async def publish(self, event_type: str, data: JsonValue) -> int:
        """Deliver an event to all enabled subscriptions of its type. Return the number that accepted it.

        Raise TransientError, after all were tried, when some failed in a way that may pass. A retried message
        delivers it again with the same id. A refused delivery counts as a failure only.
        """
        ...
