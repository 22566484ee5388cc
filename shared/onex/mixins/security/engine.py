"""Checks the texts of messages, redacts secrets, and signs tokens for forms."""

import hashlib
import hmac
import html
import re
import secrets
from datetime import datetime

from typing_extensions import override

from onex.errors import RejectedError
from onex.mixins.security.model_security_subcontract import ModelSecuritySubcontract
from onex.mixins.security.protocol_security import ProtocolSecurity
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

_MAX_STAMP_DIGITS = 12
"""Digits of the time in seconds in a token. int() raises another error for thousands of digits."""

_WITHOUT_TEXT = (int, float, bool, bytes, datetime)


class SecurityEngine(ProtocolSecurity):
    """Checks every text field of a message. Any thread."""

    def __init__(self, settings: ModelSecuritySubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._clock = clock
        self._redact = Redactor(settings.sensitive_field_patterns)
        self._max_length = settings.max_input_length
        self._text_fields: dict[type[Message], tuple[tuple[str, ...], tuple[str, ...]]] = {}
        """By type of message: fields of type ``str``, and other fields that may contain text."""
        self._forbidden = [re.compile(pattern) for pattern in settings.forbidden_patterns]
        self._secret = settings.csrf_secret.get_secret_value().encode() or secrets.token_bytes(32)

    def check(self, message: Message) -> None:
        """Raise RejectedError for a message with dangerous text. The error names the field but not the text."""
        fields = self._text_fields.get(type(message))
        if fields is None:
            fields = self._text_fields[type(message)] = _text_fields_of(type(message))
        text_fields, other_fields = fields
        values, max_length, check_all = message.__dict__, self._max_length, bool(self._forbidden)
        for field in text_fields:
            text = values[field]
            if len(text) > max_length or check_all or find_suspicious(text):
                self._require_safe(message, field, text)
        for field in other_fields:
            for path, text in texts_of(values[field], field):
                self._require_safe(message, path, text)

    def _require_safe(self, message: Message, field: str, text: str) -> None:
        if problem := self._problem_of(text):
            raise RejectedError(f"{type(message).__name__}.{field}: {problem}")

    def _problem_of(self, text: str) -> str:
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

    @override
    def redact(self, value: object) -> object:
        return self._redact.clean(value) if self._settings.enable_redaction else value

    @override
    def clean_input(self, text: str) -> str:
        return composed(without_control(text)) if self._settings.enable_input_sanitization else text

    @override
    def clean_output(self, text: str) -> str:
        if self._settings.enable_output_sanitization:
            text = without_control(text)
        return html.escape(text) if self._settings.enable_xss_protection else text

    @override
    def sql_identifier(self, name: str) -> str:
        if not _IDENTIFIER.fullmatch(name):
            raise RejectedError(f"{name!r} is not a valid name of a table or column")
        return f'"{name}"'

    @override
    def csrf_token(self, session: str) -> str:
        now = self._clock.now_ms() // 1000
        return f"{now}.{self._signature(session, now)}"

    @override
    def verify_csrf(self, session: str, token: str) -> None:
        if not self._settings.enable_csrf_protection:
            return
        stamp, _, signature = token.partition(".")
        issued = int(stamp) if stamp.isdecimal() and len(stamp) <= _MAX_STAMP_DIGITS else 0
        if not hmac.compare_digest(signature.encode(), self._signature(session, issued).encode()):
            raise RejectedError("the form token does not belong to this session")
        if self._clock.now_ms() / 1000 - issued > self._settings.csrf_ttl_seconds:
            raise RejectedError("the form token is too old; load the form again")

    def _signature(self, session: str, issued: int) -> str:
        return hmac.new(self._secret, f"{issued}.{session}".encode(), hashlib.sha256).hexdigest()


def _text_fields_of(model: type[Message]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    types = {name: field.annotation for name, field in model.model_fields.items()}
    text_fields = tuple(name for name, type_ in types.items() if type_ is str)
    others = tuple(name for name, type_ in types.items() if type_ not in _WITHOUT_TEXT and type_ is not str)
    return text_fields, others
