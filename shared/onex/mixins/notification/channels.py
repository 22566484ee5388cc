"""Mail and chat. Both raise OSError or TransientError for failures that may pass."""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import httpx

from onex.errors import RejectedError, TransientError
from onex.mixins.http_post import post
from onex.mixins.notification.model_notification_subcontract import EnumChannelKind, ModelNotificationChannel

Send = Callable[[str, str], Awaitable[None]]
_PASSING = (408, 425, 429)


def sender_of(channel: ModelNotificationChannel, timeout: float, client: httpx.AsyncClient) -> Send:
    """Return the function that sends a title and a text to the channel. ``timeout`` is in seconds."""
    match channel.kind:
        case EnumChannelKind.EMAIL:
            return lambda title, text: asyncio.to_thread(_mail, channel, timeout, title, text)
        case EnumChannelKind.CHAT:  # pragma: no branch  # there is no other kind
            return lambda title, text: _chat(channel, timeout, client, f"*{title}*\n{text}")


def _mail(channel: ModelNotificationChannel, timeout: float, title: str, text: str) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = title, channel.sender, ", ".join(channel.recipients)
    mail.set_content(text)
    try:
        with smtplib.SMTP(channel.host, channel.port, timeout=timeout) as server:
            if channel.starttls:
                server.starttls(context=ssl.create_default_context())
            if channel.username:
                server.login(channel.username, channel.password.get_secret_value())
            server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        if error.smtp_code < 500:
            raise TransientError(f"{channel.name}: {error}") from error
        raise RejectedError(f"{channel.name}: {error}") from error
    except smtplib.SMTPException as error:
        raise TransientError(f"{channel.name}: {error}") from error


async def _chat(channel: ModelNotificationChannel, timeout: float, client: httpx.AsyncClient, text: str) -> None:
    try:
        body, headers = json.dumps({"text": text}).encode(), {"content-type": "application/json"}
        response = await post(client, channel.url.get_secret_value(), body, headers, timeout)
    except httpx.TransportError as error:
        raise TransientError(f"{channel.name}: {type(error).__name__}") from error  # its text may contain the URL
    if response.status_code >= 500 or response.status_code in _PASSING:
        raise TransientError(f"{channel.name} returned status {response.status_code}")
    if not response.is_success:
        raise RejectedError(f"{channel.name} returned status {response.status_code}")
