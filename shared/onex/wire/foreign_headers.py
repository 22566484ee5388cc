"""Headers of records of any writer, as tools read them."""

from collections.abc import Mapping

from onex.errors import PoisonError
from onex.model.outgoing import Headers
from onex.util.error_text import decoding_text
from onex.wire.record import ProtocolRecord


def readable_headers(record: ProtocolRecord) -> Headers:
    """Headers of a record, null values as empty ones. Raise PoisonError when a name is not UTF-8."""
    try:
        return [(name, value or b"") for name, value in record.headers() or ()]
    except (UnicodeDecodeError, SystemError) as error:
        raise PoisonError(f"its headers cannot be read: {decoding_text(error)}") from None


def headers_of(record: ProtocolRecord) -> Mapping[str, bytes]:
    """Headers by name, null values as empty ones; none when they cannot be read."""
    try:
        return dict(readable_headers(record))
    except PoisonError:
        return {}
