"""What a node may do for its security."""

from typing import Protocol


class ProtocolSecurity(Protocol):
    """Text of others is dangerous until it is clean."""

    def redact(self, value: object) -> object:
        """The same value, as plain containers, without its secrets."""
        ...

    def clean_input(self, text: str) -> str:
        """Without control characters, in Unicode's composed form (NFC)."""
        ...

    def clean_output(self, text: str) -> str:
        """For a page: without control characters, markup escaped."""
        ...

    def sql_identifier(self, name: str) -> str:
        """A name of a table or column, quoted. Raises RejectedError for one that cannot be quoted safely."""
        ...

    def csrf_token(self, session: str) -> str:
        """A token for a form of this session."""
        ...

    def verify_csrf(self, session: str, token: str) -> None:
        """Raises RejectedError for a token that is not of this session, or too old."""
        ...
