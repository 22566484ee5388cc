"""Interface of authentication."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated identity."""

    subject: str
    """The ``sub`` claim of a token. For a certificate its SPIFFE id, DNS name or common name."""
    roles: frozenset[str] = frozenset()
    issuer: str = ""
    claims: Mapping[str, JsonValue] = field(default_factory=dict)
    """All claims of the token."""


class ProtocolAuthentication(Protocol):
    """Identities. AccessDeniedError in a handler makes the message a dead letter."""

    @property
    def principal(self) -> Principal:
        """The sender of the current message. Raises AccessDeniedError when it is not authenticated."""
        ...

    def authenticate(self, token: str) -> Principal:
        """Return the principal of a token, for example from a web request. Raise AccessDeniedError."""
        ...

    def identify(self, certificate: bytes) -> Principal:
        """Return the principal of a client certificate, for example from a TLS connection. Raise AccessDeniedError.

        The certificate is PEM, followed by the intermediate certificates.
        """
        ...
