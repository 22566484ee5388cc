"""Interface of encryption."""

from typing import Protocol


class ProtocolEncryption(Protocol):
    """Envelope encryption: each envelope has a new AES-256-GCM data key, which the active key encrypts."""

    def encrypt(self, data: bytes, *, purpose: str = "") -> bytes:
        """Return an envelope. Only ``decrypt`` with the same purpose opens it.

        Raise CompositionError without a key, and RejectedError for data above ``max_bytes``.
        """
        ...

    def decrypt(self, envelope: bytes, *, purpose: str = "") -> bytes:
        """Return the data.

        Raise RejectedError when it was altered, has another purpose, or its key is not configured.
        """
        ...

    def rewrap(self, envelope: bytes) -> bytes:
        """Return the envelope with its data key encrypted by the active key. The data stays as it is."""
        ...

    def key_of(self, envelope: bytes) -> str:
        """Return the id of the key that encrypted the data key. Raise RejectedError for other bytes."""
        ...
