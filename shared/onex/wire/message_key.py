"""The key that a message has in the mesh where its contract names the field, whichever key the record has."""

from onex.errors import RejectedError
from onex.model.message import Message
from onex.util.partition_key import key_text


def key_in(field: str, message: Message) -> bytes | None:
    """Return the canonical text of a field; None for an empty one. Raise RejectedError for one without a text."""
    try:
        return key_text(getattr(message, field)).encode() or None
    except (ValueError, OverflowError) as error:
        raise RejectedError(f"{type(message).__name__}: {field}: {error}") from None


def require_key(message: Message, key: bytes | None, original: bytes | None) -> None:
    """Raise RejectedError when a message has no key in the mesh, and its record has one.

    ``key``: of the field that the contract names. ``original``: of the record.
    """
    if not key and original != key:
        raise RejectedError(f"{type(message).__name__}: the field that is its key is empty")
