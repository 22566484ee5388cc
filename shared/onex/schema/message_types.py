"""Finds the type of a record on a topic with several messages."""

from collections.abc import Callable

from pydantic_core import from_json

from onex.errors import PoisonError, RejectedError
from onex.model.contract import ModelBoundTopic

TypeOf = Callable[[Callable[[str], bytes], bytes | None], str]
"""Takes a function that returns a header, empty for none, and the value. Raises PoisonError or RejectedError."""


def type_reader(bound: ModelBoundTopic) -> TypeOf | None:
    """Return the function that finds the type of a record; None for a topic with one message."""
    if bound.type is None:
        return None
    header, field = bound.type.header or "", bound.type.field

    def in_header(header_of: Callable[[str], bytes], _: bytes | None) -> str:
        raw = header_of(header)
        if not raw:
            raise RejectedError(f"the record has no header {header!r}, which names its type")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise RejectedError(f"the header {header!r} is not UTF-8") from None

    def in_field(_: Callable[[str], bytes], value: bytes | None) -> str:
        if not value:
            raise RejectedError("empty value (a tombstone has no meaning here)")
        try:
            data: object = from_json(value)
        except ValueError:
            raise PoisonError("no JSON") from None
        match data:
            case dict():
                match data.get(field):
                    case str(text):
                        return text
        raise RejectedError(f"the record has no text in {field}, which names its type")

    return in_header if header else in_field
