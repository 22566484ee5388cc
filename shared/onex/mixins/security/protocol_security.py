"""Interface of security."""

from typing import Protocol


class ProtocolSecurity(Protocol):
    """Cleaning of untrusted text, redaction, and form tokens."""

    def redact(self, value: object) -> object:
        """Return the value as plain containers, with its secrets hidden."""
        ...

    def clean_input(self, text: str) -> str:
        """Return the text without control characters, in Unicode's composed form (NFC)."""
        ...

    def clean_output(self, text: str) -> str:
        """Return the text for an HTML page: without control characters, with markup escaped."""
        ...

    def sql_identifier(self, name: str) -> str:
        """Return the quoted name of a table or column.

        Raise RejectedError for a name that cannot be quoted safely.
        """
        ...

    def csrf_token(self, session: str) -> str:
        """Return a token for a form of this session."""
        ...

    def verify_csrf(self, session: str, token: str) -> None:
        """Raise RejectedError for a token of another session, and for one that is too old."""
        ...
