"""Why the second level is not available, in words without keys, values and credentials."""

import builtins
import re

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)

_CODE = re.compile(r"[A-Z]{2,20}(?= )")


def reason_of(error: Exception, limit: float) -> str:
    """Return the reason. ``limit`` is the time limit in seconds."""
    match error:
        case AuthenticationError() | NoPermissionError():
            return "the server rejects the credentials, or they do not allow this; correct intelligent_caching.url"
        case OutOfMemoryError():
            return "the server is full (maxmemory); add memory, or set maxmemory-policy to one that evicts"
        case BusyLoadingError():
            return "the server is loading its data"
        case ReadOnlyError():
            return "the server is a read-only replica; name the primary in intelligent_caching.url"
        case TimeoutError() | builtins.TimeoutError():
            return f"no reply within {limit:g} s"
        case ConnectionError() | OSError():
            return _of_connection(error)
        case ResponseError():
            return _of_reply(str(error))
        case _:
            return f"no usable reply: {type(error).__name__}"


def concerns_writes(error: Exception) -> bool:
    """Return whether the server still returns values, and takes none."""
    match error:
        case OutOfMemoryError() | ReadOnlyError():
            return True
        case _:
            return False


def _of_connection(error: Exception) -> str:
    """Name the kind only: the text of a reply to AUTH may repeat what was sent."""
    cause = error.__cause__ or error
    return f"no connection: {type(cause).__name__}"


def _of_reply(text: str) -> str:
    if text.startswith(("NOAUTH", "WRONGPASS")):
        return reason_of(AuthenticationError(), 0.0)
    code = _CODE.match(text)
    return f"the server refuses a command{f' ({code[0]})' if code else ''}"
