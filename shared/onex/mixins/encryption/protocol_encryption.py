"""What a node may do with encryption."""

from typing import Protocol


class ProtocolEncryption(Protocol):
    """Envelope encryption: AES-256-GCM with a fresh key each time, which the active key encrypts in turn."""

    def encrypt(self, data: bytes, *, purpose: str = "") -> bytes:
        """An envelope. It can be opened only by who names the same purpose. Raises CompositionError without a key."""
        ...

    def decrypt(self, envelope: bytes, *, purpose: str = "") -> bytes:
        """What is in it. Raises RejectedError for one that was altered, has another purpose, or whose key is gone."""
        ...

    def rewrap(self, envelope: bytes) -> bytes:
        """The same envelope, closed with the active key; its data is not touched."""
        ...

    def key_of(self, envelope: bytes) -> str:
        """Id of the key that closed it. Raises RejectedError for what is no envelope."""
        ...
