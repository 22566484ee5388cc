"""Reads the headers of records of any writer, for tools."""

from collections.abc import Mapping

from onex.errors import PoisonError
from onex.model.outgoing import Headers
from onex.util.error_text import decoding_text
from onex.wire.record import ProtocolRecord


def readable_headers(record: ProtocolRecord) -> Headers:
    """Return the headers of a record, null values as empty ones. Raise PoisonError when a name is not UTF-8."""
    try:
        return [(name, value or b"") for name, value in record.headers() or ()]
    except (UnicodeDecodeError, SystemError) as error:
        raise PoisonError(f"its headers cannot be read: {decoding_text(error)}") from None


def headers_of(record: ProtocolRecord) -> Mapping[str, bytes]:
    """Return the headers by name, null values as empty ones. Empty when a name is not UTF-8."""
    try:
        return dict(readable_headers(record))
    except PoisonError:
        return {}
