"""A subscription, and the rules for one that another system asks for."""

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from onex.errors import RejectedError
from onex.mixins.http_client.targets import Origin
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookSubscriptions
from onex.mixins.webhook.signature import PREFIX, key_of

_FILTER = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}(\.\*)?")
_MOST_FILTERS = 100
_LONGEST_URL = 2_048
_KEY_BYTES = range(16, 257)


@dataclass(frozen=True, slots=True)
class WebhookSubscription:
    """Another system that receives events since it asked for them."""

    id: str
    """Derived from the URL: one URL has one subscription."""
    url: str = field(repr=False)
    """Where events go. It may have credentials; logs and reports have the id instead."""
    events: tuple[str, ...]
    """Event types, like ``order.paid``, and groups of them, like ``order.*``. Empty for all."""
    enabled: bool = True
    """False after too many failures, until the system subscribes again."""
    failures: int = 0
    """Events in a row that it did not accept."""
    reason: str = ""
    """Why the last one failed."""
    secret: SecretStr = field(default_factory=lambda: SecretStr(""))
    """The secret of its signatures, as :meth:`subscribe` returns it once. Lists do not have it."""

    def receives(self, event_type: str) -> bool:
        """Return whether it is enabled and asks for this type of event."""
        return self.enabled and (not self.events or any(_matches(each, event_type) for each in self.events))


def id_of(url: str) -> str:
    """Return the id of the subscription with this URL."""
    return f"sub_{hashlib.sha256(url.encode()).hexdigest()[:32]}"


def checked_origin(rules: ModelWebhookSubscriptions, url: str) -> Origin:
    """Return the origin of a URL. Raise RejectedError for one that the contract does not allow, without the URL."""
    try:
        parsed = httpx.URL(url) if len(url) <= _LONGEST_URL else httpx.URL("")
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.fragment:
        raise RejectedError(
            f"it is no URL of up to {_LONGEST_URL} characters like https://shop.example.org/hook, without user and "
            "fragment"
        )
    if parsed.scheme == "http" and not rules.allow_http:
        raise RejectedError("the URL must begin with https; webhook.subscriptions.allow_http allows http")
    origin = Origin.of(parsed)
    if not any(_allows(pattern, origin.host) for pattern in rules.allowed_hosts):
        raise RejectedError(
            f"{origin.host} is no host for subscriptions; webhook.subscriptions.allowed_hosts allows hosts"
        )
    if origin.port not in rules.ports:
        raise RejectedError(f"{origin.port} is no port for subscriptions; webhook.subscriptions.ports allows ports")
    return origin


def checked_events(events: Sequence[str]) -> tuple[str, ...]:
    """Return the filter, sorted. Raise RejectedError for a wrong one."""
    if len(events) > _MOST_FILTERS:
        raise RejectedError(f"{len(events)} event types; {_MOST_FILTERS} are allowed")
    for number, each in enumerate(events):
        if not _FILTER.fullmatch(each):
            raise RejectedError(f"events[{number}] is no event type; write order.paid, or order.* for a group")
    return tuple(sorted(set(events)))


def checked_secret(secret: str) -> SecretStr:
    """Return the secret, or a new one for an empty text. Raise RejectedError for a weak one, without it."""
    if not secret:
        return SecretStr(PREFIX + base64.b64encode(os.urandom(32)).decode())
    try:
        length = len(key_of(secret))
    except ValueError as error:
        raise RejectedError(str(error)) from None
    if length not in _KEY_BYTES:
        raise RejectedError(f"the secret has {length} bytes; {_KEY_BYTES.start} to {_KEY_BYTES.stop - 1} are needed")
    return SecretStr(secret)


def _matches(pattern: str, event_type: str) -> bool:
    return event_type.startswith(pattern[:-1]) if pattern.endswith(".*") else event_type == pattern


def _allows(pattern: str, host: str) -> bool:
    return pattern == "*" or host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))
