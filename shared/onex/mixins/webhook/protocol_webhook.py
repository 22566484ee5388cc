"""What a node may do with webhooks."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue


class ProtocolWebhook(Protocol):
    """Events to and from other systems, in the form of Standard Webhooks (https://www.standardwebhooks.com)."""

    async def deliver(self, endpoint: str, event_type: str, data: JsonValue, *, id: str = "") -> bool:
        """Ends when the other side has taken the event; False where it does not want this type.

        The id stays the same however often a message is tried, so that the other side can drop repetitions; without
        ``id`` it is made of the message in hand. Raises TransientError when no attempt succeeded, RejectedError when
        the other side refuses it, KeyError for an endpoint that is not declared.
        """
        ...

    def verify(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> str:
        """Check what an endpoint has delivered to us; gives its id. Raises RejectedError for a signature or time that
        is wrong, and for an id that was seen before."""
        ...
