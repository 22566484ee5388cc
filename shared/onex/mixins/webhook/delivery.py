"""Sends one signed event, with retries."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from pydantic import JsonValue, SecretStr
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from onex.errors import RejectedError, TransientError
from onex.mixins.http_post import post
from onex.mixins.http_status import may_pass, retry_after
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookSubcontract
from onex.mixins.webhook.signature import sign
from onex.util.backoff import exponential
from onex.util.clock import ProtocolClock

_GONE = 410


class GoneError(RejectedError):
    """The receiver says that it wants no more events (410 Gone)."""


class _LaterError(TransientError):
    """The endpoint returned a ``Retry-After`` header."""

    def __init__(self, words: str, after: float) -> None:
        super().__init__(words)
        self.after = after


@dataclass(frozen=True, slots=True)
class Target:
    """Where an event goes."""

    name: str
    """Name in errors: of an endpoint, or the id of a subscription."""
    url: str = field(repr=False)
    """It may have credentials."""
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it is sent."""

    identity: str
    body: bytes


class Sender:
    """Sends to one target, as often as the settings allow."""

    def __init__(self, settings: ModelWebhookSubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._clock = clock

    def body_of(self, event_type: str, data: JsonValue) -> bytes:
        """Return the body of an event."""
        stamp = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).isoformat()
        return json.dumps({"type": event_type, "timestamp": stamp, "data": data}, separators=(",", ":")).encode()

    async def send(self, client: httpx.AsyncClient, to: Target, delivery: Delivery) -> None:
        """Send until it is accepted. Raise TransientError after the last attempt, RejectedError for a refusal."""
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.max_attempts),
            wait=self._delay,
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        await attempts(self._post, client, to, delivery)

    def _delay(self, state: RetryCallState) -> float:
        longest = self._settings.max_delay_seconds
        error = state.outcome.exception() if state.outcome else None
        match error:
            case _LaterError(after=after):
                return min(after, longest)
            case _:
                return exponential(state.attempt_number, self._settings.base_delay_seconds, longest)

    async def _post(self, client: httpx.AsyncClient, to: Target, delivery: Delivery) -> None:
        now = self._clock.now_ms() // 1000
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.identity,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(to.secret.get_secret_value(), delivery.identity, now, delivery.body),
        }
        try:
            response = await post(client, to.url, delivery.body, headers, self._settings.timeout_seconds)
        except httpx.TransportError as error:
            raise TransientError(f"{to.name}: {str(error) or type(error).__name__}") from error
        if response.is_success:
            return
        words = f"{to.name} returned status {response.status_code}"
        if response.status_code == _GONE:
            raise GoneError(words)
        if not may_pass(response.status_code):
            raise RejectedError(words)
        if (after := retry_after(response.headers.get("retry-after", ""), self._clock.now_ms())) is not None:
            raise _LaterError(words, after)
        raise TransientError(words)


def identity_of(message_id: str, name: str, event_type: str, data: JsonValue) -> str:
    """Return an id that is the same whenever the same message delivers the same event to the same target."""
    parts = [message_id, name, event_type, json.dumps(data, sort_keys=True)]
    return f"msg_{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:32]}"
