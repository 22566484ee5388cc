"""Interface of webhooks."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue


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

        Raise RejectedError for a wrong signature, a wrong time, and a repeated id.
        """
        ...
