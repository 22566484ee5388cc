"""What a node may do with serialization."""

from typing import Protocol, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


class ProtocolSerialization(Protocol):
    """Values to bytes and back."""

    def dump(self, value: object) -> bytes:
        """A model, or anything that JSON can hold, with models and sets in it; raises TypeError for other things."""
        ...

    def load(self, data: bytes, model: type[M]) -> M:
        """The model from what ``dump`` wrote.

        Raises RejectedError for what cannot be read, does not fit the model or is longer than ``max_text_bytes``,
        and for YAML with aliases.
        """
        ...

    def digest(self, value: object) -> str:
        """SHA-256 of what canonical JSON of the value is, whatever the format: equal values have equal ones."""
        ...
