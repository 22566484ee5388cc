"""Receivers of alerts: Alertmanager, mail, chat."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from onex.errors import RejectedError, TransientError
from onex.mixins.alerting.delivery import Send
from onex.mixins.alerting.model_alerting_subcontract import ModelAlertingSubcontract, ModelAlertmanager
from onex.mixins.alerting.protocol_alerting import AlertFacts, EnumAlertState
from onex.mixins.http_post import post
from onex.mixins.notification.channels import sender_of
from onex.mixins.notification.model_notification_subcontract import ModelNotificationChannel
from onex.util.clock import ProtocolClock

RESEND_SECONDS = 60.0
"""Interval at which an Alertmanager hears again of an alert that fires, as from Prometheus."""
_INTERVALS_UNTIL_ENDED = 4
"""An Alertmanager resolves an alert of which it has not heard for this number of intervals."""
_MAX_SHOWN = 50


def to_alertmanager(
    receiver: ModelAlertmanager, settings: ModelAlertingSubcontract, client: httpx.AsyncClient, clock: ProtocolClock
) -> Send:
    """Return the function that posts alerts to ``/api/v2/alerts``."""
    lifetime = int(_INTERVALS_UNTIL_ENDED * max(settings.interval_seconds, RESEND_SECONDS) * 1000)
    headers = {"content-type": "application/json"}
    if token := receiver.token.get_secret_value():
        headers["authorization"] = f"Bearer {token}"

    async def send(alerts: Sequence[AlertFacts]) -> None:
        body = [_posted(alert, alert.ended_ms or clock.now_ms() + lifetime) for alert in alerts]
        url = f"{receiver.url.rstrip('/')}/api/v2/alerts"
        try:
            response = await post(client, url, json.dumps(body).encode(), headers, settings.timeout_seconds)
        except httpx.TransportError as error:
            raise TransientError(f"{receiver.name}: {type(error).__name__}") from error
        if not response.is_success:
            raise RejectedError(f"{receiver.name} returned status {response.status_code}")

    return send


def to_people(
    channel: ModelNotificationChannel, settings: ModelAlertingSubcontract, client: httpx.AsyncClient, node: str
) -> Send:
    """Return the function that sends one notification about a group."""
    notify = sender_of(channel, settings.timeout_seconds, client)

    async def send(alerts: Sequence[AlertFacts]) -> None:
        await notify(f"[{node}] {title_of(alerts)}", text_of(alerts))

    return send


def title_of(alerts: Sequence[AlertFacts]) -> str:
    """Return ``FIRING 2: DiskFull``, or ``RESOLVED: DiskFull`` when none fires."""
    firing = [alert for alert in alerts if alert.state is EnumAlertState.FIRING]
    names = ", ".join(dict.fromkeys(alert.name for alert in firing or alerts))
    return f"FIRING {len(firing)}: {names}" if firing else f"RESOLVED: {names}"


def text_of(alerts: Sequence[AlertFacts]) -> str:
    """Return one paragraph for each of the first 50 alerts."""
    shown = [_paragraph(alert) for alert in alerts[:_MAX_SHOWN]]
    if len(alerts) > _MAX_SHOWN:
        shown.append(f"and {len(alerts) - _MAX_SHOWN} more")
    return "\n\n".join(shown)


def _paragraph(alert: AlertFacts) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in alert.fingerprint)
    texts = [f"{name}: {text}" for name, text in alert.annotations.items()]
    return "\n".join([f"{alert.state}: {labels}", f"value: {alert.value:.6g}, since {_time(alert.since_ms)}", *texts])


def _posted(alert: AlertFacts, ends_ms: int) -> dict[str, object]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": _time(alert.since_ms),
        "endsAt": _time(ends_ms),
    }


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
