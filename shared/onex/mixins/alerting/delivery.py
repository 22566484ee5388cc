"""Delivery to one receiver, in the background: an attempt that fails is repeated until one succeeds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from onex.mixins.alerting.model_alerting_subcontract import ModelAlertingSubcontract
from onex.mixins.alerting.protocol_alerting import AlertFacts, Fingerprint
from onex.util.backoff import exponential
from onex.util.error_text import error_text, scrubbed

log = structlog.get_logger(__name__)
Batch = tuple[str, ...]
"""Alerts that are sent together: a group, or all of them."""
Send = Callable[[Sequence[AlertFacts]], Awaitable[None]]


class Delivery:
    """The alerts that wait for one receiver. A later state of an alert replaces the one that waits."""

    def __init__(
        self, name: str, send: Send, settings: ModelAlertingSubcontract, report: Callable[[str, str, str], None]
    ) -> None:
        """``report`` is called with each change: name of the receiver, event, detail."""
        self.name = name
        self._send = send
        self._settings = settings
        self._report = report
        self._waiting: dict[tuple[Batch, Fingerprint], AlertFacts] = {}
        self._arrived = asyncio.Event()
        self.problem = ""
        """Why the latest attempt failed. Empty after one that succeeded."""
        self.dropped = self.failures = self.sent = 0

    @property
    def waiting(self) -> int:
        """Number of waiting alerts."""
        return len(self._waiting)

    def put(self, batch: Batch, alerts: Sequence[AlertFacts]) -> None:
        """Add alerts without waiting. Drop the oldest when there is no room."""
        for alert in alerts:
            self._waiting[batch, alert.fingerprint] = alert
        while len(self._waiting) > self._settings.max_waiting:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1
        self._arrived.set()

    async def run(self) -> None:
        """Send until cancelled."""
        failures = 0
        while True:
            await self._arrived.wait()
            failures = 0 if await self.attempt() else failures + 1
            await asyncio.sleep(self._delay(failures) if failures else 0)

    def _delay(self, failures: int) -> float:
        return exponential(failures, self._settings.base_delay_seconds, self._settings.max_delay_seconds)

    async def attempt(self) -> bool:
        """Send the batch that waits longest. Return whether that succeeded. True when nothing waits."""
        if not self._waiting:
            self._arrived.clear()
            return True
        batch, _ = next(iter(self._waiting))
        alerts = {key: alert for key, alert in self._waiting.items() if key[0] == batch}
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self._send(list(alerts.values()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the alerts wait for the next attempt
            self._failed(scrubbed(error_text(error)) or type(error).__name__)
            return False
        for key, alert in alerts.items():
            if self._waiting.get(key) is alert:
                del self._waiting[key]
        self.sent += 1
        if self.problem:
            self.problem = ""
            self._report(self.name, "reached", "")
        return True

    async def drain(self) -> None:
        """Send what waits, until an attempt fails."""
        while self._waiting and await self.attempt():
            pass

    def _failed(self, problem: str) -> None:
        self.failures += 1
        if not self.problem:
            log.warning("alerts not delivered", receiver=self.name, error=problem)
            self._report(self.name, "unreachable", problem)
        self.problem = problem
