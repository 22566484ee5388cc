"""Checks of the texts in commands."""

import re

from onex.errors import RejectedError
from onex.node import Message

LONGEST = 2_000
_FORBIDDEN = (re.compile(r"(?i)(drop|truncate)\s{1,8}table"),)
_STATUSES = frozenset({"started", "running", "completed", "failed"})


class SecurityValidator:
    """Refuses commands with texts that are too long, or that contain control characters or forbidden patterns."""

    def validate(self, message: Message) -> None:
        """Raise RejectedError for a message with a problem."""
        for name, value in message.model_dump().items():
            if isinstance(value, str):
                self._validate_text(name, value)

    def validate_status(self, status: str) -> None:
        """Raise RejectedError for an unknown status."""
        if status not in _STATUSES:
            raise RejectedError(f"status: there is no {status[:40]!r}")

    def _validate_text(self, name: str, text: str) -> None:
        if len(text) > LONGEST:
            raise RejectedError(f"{name} is longer than {LONGEST} characters")
        if any(ord(character) < 32 and character not in "\t\n\r" for character in text):
            raise RejectedError(f"{name} contains control characters")
        for pattern in _FORBIDDEN:
            if pattern.search(text):
                raise RejectedError(f"{name} contains a forbidden pattern")
