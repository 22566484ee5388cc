"""Sends notifications to the channels that accept their severity."""

import asyncio
from collections.abc import Mapping

import httpx
import structlog
from cachetools import TTLCache
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from typing_extensions import override

from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.notification.channels import look, sender_of
from onex.mixins.notification.model_notification_subcontract import (
    EnumChannelKind,
    EnumSeverity,
    ModelNotificationChannel,
    ModelNotificationSubcontract,
)
from onex.mixins.notification.protocol_notification import ProtocolNotification
from onex.util.backoff import doubling
from onex.util.clock import ProtocolClock
from onex.util.tls import trusted

log = structlog.get_logger(__name__)
_SEVERITIES = list(EnumSeverity)
_REMEMBERED = 10_000


class NotificationEngine(ProtocolNotification):
    """Sends to each channel with retries, and remembers recent notifications of each channel."""

    def __init__(self, settings: ModelNotificationSubcontract, node: str, clock: ProtocolClock) -> None:
        self._settings = settings
        self._node = node
        self._recent: TTLCache[tuple[str, str], None] = TTLCache(
            _REMEMBERED, settings.repeat_after_seconds, clock.monotonic
        )
        self._client = httpx.AsyncClient(verify=trusted())
        self._channels = {channel.name: channel for channel in settings.channels}
        self._problems: dict[str, str] = {}
        """Why the last notification of a channel failed."""
        self._sent = self._failed = 0

    async def open(self) -> None:
        """Do nothing: the first notification connects."""

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()
        self._client = httpx.AsyncClient(verify=trusted())

    @override
    async def notify(
        self, title: str, text: str, *, severity: EnumSeverity = EnumSeverity.INFO, key: str = ""
    ) -> int:
        sent, failures, outages = 0, list[str](), list[str]()
        for channel in self._settings.channels:
            identity = channel.name, key or title
            if identity in self._recent or _less(severity, channel.least_severity):
                continue
            try:
                await self._attempts(channel, f"[{self._node}] {title}", text)
            except RejectedError as error:  # a retry would not help; the other channels still get the notification
                log.error("a notification was refused", channel=channel.name, error=str(error))
                self._failed += 1
                self._problems[channel.name] = str(error)
            except OutageError as error:
                self._problems[channel.name] = str(error)
                outages.append(str(error))
                self._failed += 1
            except TransientError as error:
                self._problems[channel.name] = str(error)
                failures.append(str(error))
                self._failed += 1
            else:
                self._recent[identity] = None
                self._problems.pop(channel.name, None)
                sent += 1
        self._sent += sent
        words = f"notification not sent: {'; '.join([*failures, *outages])}"
        if failures:
            raise TransientError(words)
        if outages:  # the message waits for the channels, and no attempt is counted
            raise OutageError(words)
        return sent

    async def probe(self, channel: str) -> None:
        """Raise OutageError when a channel is not usable. Nothing is sent.

        A mail server is greeted, with the login of the channel. A chat is as its last notification found it.
        """
        settings = self._channels[channel]
        match settings.kind:
            case EnumChannelKind.EMAIL:
                await asyncio.to_thread(look, settings, self._settings.timeout_seconds)
            case EnumChannelKind.CHAT if problem := self._problems.get(channel):
                raise OutageError(f"the last notification failed: {problem}")

    async def _attempts(self, channel: ModelNotificationChannel, title: str, text: str) -> None:
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.max_attempts),
            wait=doubling(self._settings.base_delay_seconds),
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        send = sender_of(channel, self._settings.timeout_seconds, self._client)

        async def once() -> None:
            await send(title, text)

        await attempts(once)

    def reported_metrics(self) -> Mapping[str, float]:
        """Sent and failed notifications."""
        return {"sent": float(self._sent), "failed": float(self._failed)}


def _less(severity: EnumSeverity, least: EnumSeverity) -> bool:
    return _SEVERITIES.index(severity) < _SEVERITIES.index(least)
