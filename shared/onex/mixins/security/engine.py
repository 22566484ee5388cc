"""Checks of texts, and tokens for forms."""

import hashlib
import hmac
import html
import re
import secrets
from datetime import datetime

from onex.errors import RejectedError
from onex.mixins.security.model_security_subcontract import ModelSecuritySubcontract
from onex.mixins.security.texts import (
    composed,
    find_suspicious,
    goes_on_in_sql,
    has_control,
    holds_script,
    texts_of,
    without_control,
)
from onex.model.message import Message
from onex.util.clock import ProtocolClock
from onex.util.redaction import Redactor

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")

_STAMP_DIGITS = 12
"""Of the time in seconds in a token: int() refuses texts of thousands of digits with an error of its own."""

_WITHOUT_TEXT = (int, float, bool, bytes, datetime)


class SecurityEngine:
    """See :class:`ProtocolSecurity`. Any thread."""

    def __init__(self, settings: ModelSecuritySubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._clock = clock
        self._redact = Redactor(settings.sensitive_field_patterns)
        self._most = settings.max_input_length
        self._plain: dict[type[Message], tuple[tuple[str, ...], tuple[str, ...]]] = {}
        """Fields that are texts, and those that may hold some, by type of message."""
        self._forbidden = [re.compile(pattern) for pattern in settings.forbidden_patterns]
        self._secret = settings.csrf_secret.get_secret_value().encode() or secrets.token_bytes(32)

    def check(self, message: Message) -> None:
        """Refuse a message with a dangerous text, naming its field but not its text."""
        plain = self._plain.get(type(message))
        if plain is None:
            plain = self._plain[type(message)] = _plain_fields(type(message))
        texts, others = plain
        values, most, each = message.__dict__, self._most, bool(self._forbidden)
        for field in texts:
            text = values[field]
            if len(text) > most or each or find_suspicious(text):
                self._look(message, field, text)
        for field in others:
            for at, text in texts_of(values[field], field):
                self._look(message, at, text)

    def _look(self, message: Message, field: str, text: str) -> None:
        if wrong := self._wrong(text):
            raise RejectedError(f"{type(message).__name__}.{field}: {wrong}")

    def _wrong(self, text: str) -> str:
        settings = self._settings
        if len(text) > settings.max_input_length:
            return f"{len(text)} characters, {settings.max_input_length} are allowed"
        if settings.enable_input_sanitization and has_control(text):
            return "control characters"
        if settings.enable_sql_injection_protection and goes_on_in_sql(text):
            return "SQL behind a quote"
        if settings.enable_xss_protection and holds_script(text):
            return "a script"
        if any(pattern.search(text) for pattern in self._forbidden):
            return "a forbidden pattern"
        return ""

    def redact(self, value: object) -> object:
        """See the protocol."""
        return self._redact.clean(value) if self._settings.enable_redaction else value

    def clean_input(self, text: str) -> str:
        """See the protocol."""
        return composed(without_control(text)) if self._settings.enable_input_sanitization else text

    def clean_output(self, text: str) -> str:
        """See the protocol."""
        if self._settings.enable_output_sanitization:
            text = without_control(text)
        return html.escape(text) if self._settings.enable_xss_protection else text

    def sql_identifier(self, name: str) -> str:
        """See the protocol."""
        if not _IDENTIFIER.fullmatch(name):
            raise RejectedError(f"{name!r} is no name of a table or column")
        return f'"{name}"'

    def csrf_token(self, session: str) -> str:
        """See the protocol."""
        now = self._clock.now_ms() // 1000
        return f"{now}.{self._signature(session, now)}"

    def verify_csrf(self, session: str, token: str) -> None:
        """See the protocol."""
        if not self._settings.enable_csrf_protection:
            return
        stamp, _, signature = token.partition(".")
        made = int(stamp) if stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS else 0
        if not hmac.compare_digest(signature.encode(), self._signature(session, made).encode()):
            raise RejectedError("the token of the form is not of this session")
        if self._clock.now_ms() / 1000 - made > self._settings.csrf_ttl_seconds:
            raise RejectedError("the token of the form is too old; load it again")

    def _signature(self, session: str, made: int) -> str:
        return hmac.new(self._secret, f"{made}.{session}".encode(), hashlib.sha256).hexdigest()


def _plain_fields(model: type[Message]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    kinds = {name: field.annotation for name, field in model.model_fields.items()}
    texts = tuple(name for name, kind in kinds.items() if kind is str)
    return texts, tuple(name for name, kind in kinds.items() if kind not in _WITHOUT_TEXT and kind is not str)
