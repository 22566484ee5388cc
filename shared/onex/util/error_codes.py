"""Finds the codes of exceptions: status codes of HTTP, SQL states, and error numbers."""

from collections.abc import Iterator, Sequence

CODE_ATTRIBUTES = ("code", "sqlstate", "status", "status_code", "errno")
"""Attributes in which the clients of databases, HTTP and Docker have codes."""


def error_codes(error: BaseException, attributes: Sequence[str] = CODE_ATTRIBUTES) -> Iterator[str | int]:
    """Yield the codes in these attributes of an exception, and then of its ``response``, as HTTP clients have it.

    Raise the exceptions of properties that the author of the exception wrote.
    """
    yield from _codes_in(error, attributes)
    yield from _codes_in(getattr(error, "response", None), attributes)


def _codes_in(carrier: object, attributes: Sequence[str]) -> Iterator[str | int]:
    for name in attributes:
        code = getattr(carrier, name, None)
        if isinstance(code, str | int):
            yield code
