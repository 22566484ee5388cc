"""What a node may do with identities."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Principal:
    """Who it is."""

    subject: str
    """Name that the issuer gives it; for a certificate its SPIFFE id, DNS name or common name."""
    roles: frozenset[str] = frozenset()
    issuer: str = ""
    claims: Mapping[str, JsonValue] = field(default_factory=dict)
    """Everything that the token says."""


class ProtocolAuthentication(Protocol):
    """Identities. Raises AccessDeniedError, which makes a dead letter of the message, for whoever is not believed."""

    @property
    def principal(self) -> Principal:
        """Who sent the message in hand. Raises AccessDeniedError where nobody is known."""
        ...

    def authenticate(self, token: str) -> Principal:
        """Whose token it is: of a web request, for instance."""
        ...

    def identify(self, certificate: bytes) -> Principal:
        """Whose client certificate it is (PEM, with those between it and the authority behind it): of a TLS
        connection."""
        ...
