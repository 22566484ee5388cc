"""Interface of serialization."""

from typing import Protocol, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


class ProtocolSerialization(Protocol):
    """Converts values to bytes and back."""

    def dump(self, value: object) -> bytes:
        """Return the bytes of a value: a model, or JSON types, models and sets. Raise TypeError for other types."""
        ...

    def load(self, data: bytes, model: type[M]) -> M:
        """Return the model from bytes that ``dump`` wrote.

        Raise RejectedError for unreadable data, data that does not fit the model, text longer than
        ``max_text_bytes``, and YAML with aliases.
        """
        ...

    def digest(self, value: object) -> str:
        """Return the digest of the value's canonical JSON as hexadecimal text, whatever the format.

        Equal values have equal digests. ``digest_algorithm`` is the function, SHA-256 by default.
        """
        ...
