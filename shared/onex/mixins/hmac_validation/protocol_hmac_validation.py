"""Interface of HMAC signatures."""

from collections.abc import Mapping
from typing import Protocol


class ProtocolHMACValidation(Protocol):
    """Signatures of messages, which are checked and made automatically, and of HTTP requests."""

    @property
    def key_id(self) -> str:
        """Id of the key that signed the current message. Raise AccessDeniedError when it is not signed."""
        ...

    def sign_request(self, method: str, target: str, body: bytes = b"") -> Mapping[str, str]:
        """Return the header of an HTTP request. ``target``: path and query, as on the request line.

        Raise OutageError when no key signs now.
        """
        ...

    def verify_request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
        """Return the id of the key that signed a request, and remember the signature.

        Raise AccessDeniedError for a signature that is missing, wrong, too old, or was used before. Raise OutageError
        while signatures cannot be remembered.
        """
        ...
