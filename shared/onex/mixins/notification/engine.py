"""From one notification to those channels that want it."""

from collections.abc import Mapping

import httpx
import structlog
from cachetools import TTLCache
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from onex.errors import RejectedError, TransientError
from onex.mixins.notification.channels import sender_of
from onex.mixins.notification.model_notification_subcontract import (
    EnumSeverity,
    ModelNotificationChannel,
    ModelNotificationSubcontract,
)
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_SEVERITIES = list(EnumSeverity)
_REMEMBERED = 10_000


class NotificationEngine:
    """See :class:`ProtocolNotification`."""

    def __init__(self, settings: ModelNotificationSubcontract, node: str, clock: ProtocolClock) -> None:
        self._settings = settings
        self._node = node
        self._told: TTLCache[tuple[str, str], None] = TTLCache(
            _REMEMBERED, settings.repeat_after_seconds, clock.monotonic
        )
        self._client = httpx.AsyncClient()
        self._sent = self._failed = 0

    async def open(self) -> None:
        """Nothing is connected before there is something to tell."""

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()
        self._client = httpx.AsyncClient()

    async def notify(
        self, title: str, text: str, *, severity: EnumSeverity = EnumSeverity.INFO, key: str = ""
    ) -> int:
        """See the protocol."""
        told, failed = 0, list[str]()
        for channel in self._settings.channels:
            remembered = channel.name, key or title
            if remembered in self._told or _less(severity, channel.least_severity):
                continue
            try:
                await self._attempts(channel, f"[{self._node}] {title}", text)
            except RejectedError as error:  # trying again would not help; the others shall be told all the same
                log.error("a notification was refused", channel=channel.name, error=str(error))
                self._failed += 1
            except (TransientError, OSError) as error:
                failed.append(str(error) or channel.name)
                self._failed += 1
            else:
                self._told[remembered] = None
                told += 1
        self._sent += told
        if failed:
            raise TransientError(f"not told: {'; '.join(failed)}")
        return told

    async def _attempts(self, channel: ModelNotificationChannel, title: str, text: str) -> None:
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.max_attempts),
            wait=wait_exponential(multiplier=self._settings.base_delay_seconds),
            retry=retry_if_exception_type((TransientError, OSError)),
            reraise=True,
        )
        send = sender_of(channel, self._settings.timeout_seconds, self._client)

        async def once() -> None:
            await send(title, text)

        await attempts(once)

    def reported_metrics(self) -> Mapping[str, float]:
        """Notifications sent and failed."""
        return {"sent": float(self._sent), "failed": float(self._failed)}


def _less(severity: EnumSeverity, least: EnumSeverity) -> bool:
    return _SEVERITIES.index(severity) < _SEVERITIES.index(least)
