"""Mail and chat.

Both raise OutageError for what no notification is the cause of: no connection, no reply, refused credentials, a full
server. They raise TransientError for other failures that may pass, and RejectedError for a refused notification.
"""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import httpx

from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.http_post import post
from onex.mixins.http_status import CREDENTIALS, OUTAGES, may_pass
from onex.mixins.notification.model_notification_subcontract import EnumChannelKind, ModelNotificationChannel

Send = Callable[[str, str], Awaitable[None]]
_OK = 250
_CREDENTIALS = frozenset({530, 534, 535, 538})
"""Replies of a mail server that wants other credentials (RFC 4954, section 6)."""
_OUTAGES = OUTAGES | CREDENTIALS | {403}
"""The address of a chat has its credentials, so that 403 is about them as well."""


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
            _enter(server, channel)
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        is_final = all(code >= 500 for code, _ in error.recipients.values())
        raise (RejectedError if is_final else OutageError)(f"{channel.name}: {error}") from error
    except smtplib.SMTPResponseException as error:
        is_final = error.smtp_code >= 500 and error.smtp_code not in _CREDENTIALS
        raise (RejectedError if is_final else OutageError)(f"{channel.name}: {error}") from error
    except OSError as error:  # smtplib's other errors are of this class
        raise OutageError(f"{channel.name}: {str(error) or type(error).__name__}") from error


def look(channel: ModelNotificationChannel, timeout: float) -> None:
    """Connect to the server of a mail channel, greet, start TLS and log in as for a mail, and send none.

    Blocks for up to ``timeout`` seconds each step. Raise OutageError with the first step that fails.
    """
    try:
        with smtplib.SMTP(channel.host, channel.port, timeout=timeout) as server:
            server.ehlo_or_helo_if_needed()
            _enter(server, channel)
            code, _ = server.noop()
    except OSError as error:  # smtplib's errors are of this class
        raise OutageError(f"{channel.name}: {str(error) or type(error).__name__}") from error
    if code != _OK:
        raise OutageError(f"{channel.name} returned status {code} to NOOP")


def _enter(server: smtplib.SMTP, channel: ModelNotificationChannel) -> None:
    if channel.starttls:
        server.starttls(context=ssl.create_default_context())
    if channel.username:
        server.login(channel.username, channel.password.get_secret_value())


async def _chat(channel: ModelNotificationChannel, timeout: float, client: httpx.AsyncClient, text: str) -> None:
    try:
        body, headers = json.dumps({"text": text}).encode(), {"content-type": "application/json"}
        response = await post(client, channel.url.get_secret_value(), body, headers, timeout)
    except httpx.TransportError as error:
        raise OutageError(f"{channel.name}: {type(error).__name__}") from error  # its text may contain the URL
    if response.status_code in _OUTAGES:
        raise OutageError(f"{channel.name} returned status {response.status_code}")
    if may_pass(response.status_code):
        raise TransientError(f"{channel.name} returned status {response.status_code}")
    if not response.is_success:
        raise RejectedError(f"{channel.name} returned status {response.status_code}")
