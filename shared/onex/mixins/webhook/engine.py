"""Delivers events, and verifies delivered ones."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
from cachetools import TTLCache
from pydantic import JsonValue
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.errors import RejectedError, TransientError
from onex.mixins.http_post import post
from onex.mixins.http_status import may_pass, retry_after
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookEndpoint, ModelWebhookSubcontract
from onex.mixins.webhook.protocol_webhook import ProtocolWebhook
from onex.mixins.webhook.signature import sign
from onex.util.backoff import exponential
from onex.util.clock import ProtocolClock


class _LaterError(TransientError):
    """The endpoint returned a ``Retry-After`` header."""

    def __init__(self, words: str, after: float) -> None:
        super().__init__(words)
        self.after = after


class WebhookEngine(ProtocolWebhook):
    """Signs deliveries and retries them. Remembers the ids of received ones."""

    def __init__(
        self, settings: ModelWebhookSubcontract, current_message: ProtocolCurrentMessage, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._clock = clock
        self._endpoints = {endpoint.name: endpoint for endpoint in settings.endpoints}
        self._seen: TTLCache[tuple[str, str], None] = TTLCache(
            settings.remembered_ids, 2 * settings.tolerance_seconds, clock.monotonic
        )
        self._client = httpx.AsyncClient()
        self._delivered = self._failed = 0

    async def open(self) -> None:
        """Do nothing: the first delivery connects."""

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()
        self._client = httpx.AsyncClient()

    @override
    async def deliver(self, endpoint: str, event_type: str, data: JsonValue, *, id: str = "") -> bool:
        to = self._endpoints[endpoint]
        if to.events and event_type not in to.events:
            return False
        if not to.url:
            raise RejectedError(f"{endpoint} has no url; it only sends events")
        stamp = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).isoformat()
        body = json.dumps({"type": event_type, "timestamp": stamp, "data": data}, separators=(",", ":")).encode()
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.max_attempts),
            wait=self._delay,
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        try:
            await attempts(self._post, to, id or self._identity(to, event_type, data), body)
        except BaseException:
            self._failed += 1
            raise
        self._delivered += 1
        return True

    def _identity(self, to: ModelWebhookEndpoint, event_type: str, data: JsonValue) -> str:
        parts = [self._current_message.message_id, to.name, event_type, json.dumps(data, sort_keys=True)]
        return f"msg_{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:32]}"

    def _delay(self, state: RetryCallState) -> float:
        longest = self._settings.max_delay_seconds
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _LaterError):
            return min(error.after, longest)
        return exponential(state.attempt_number, self._settings.base_delay_seconds, longest)

    async def _post(self, to: ModelWebhookEndpoint, identity: str, body: bytes) -> None:
        now = self._clock.now_ms() // 1000
        headers = {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(to.secrets[0].get_secret_value(), identity, now, body),
        }
        try:
            response = await post(self._client, to.url, body, headers, self._settings.timeout_seconds)
        except httpx.TransportError as error:
            raise TransientError(f"{to.name}: {str(error) or type(error).__name__}") from error
        if response.is_success:
            return
        words = f"{to.name} returned status {response.status_code}"
        if not may_pass(response.status_code):
            raise RejectedError(words)
        if (after := retry_after(response.headers.get("retry-after", ""), self._clock.now_ms())) is not None:
            raise _LaterError(words, after)
        raise TransientError(words)

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
        if (endpoint, identity) in self._seen:
            raise RejectedError(f"{endpoint}: {identity} was delivered before")
        self._seen[endpoint, identity] = None
        return identity

    def reported_metrics(self) -> Mapping[str, float]:
        """Accepted and failed deliveries."""
        return {"delivered": float(self._delivered), "failed": float(self._failed)}
