"""Classification of PostgreSQL failures that may pass: SQLSTATE classes 08, 28, 40, 53, 57, and asyncpg's own errors.

Source: PostgreSQL's documentation, appendix "PostgreSQL Error Codes".
"""

import asyncpg

from onex.errors import OutageError, TransientError

_AWAY = frozenset({"25006", "28000", "28P01", "3D000", "53100", "53300", "57P01", "57P02", "57P03", "57P04", "57P05"})
"""Read-only server, refused credentials, no such database, disk full, too many connections, server shutting down or
starting: no statement is the cause."""
_CONNECTION = "08"
_RETRYABLE = ("40", "53", "57")
"""Serialization failure, out of memory, cancelled: the statement may be the cause, so the attempt counts."""
_LOST = ("closed", "closing", "protocol state", "unexpected state", "waiter is")
"""Parts of asyncpg's error texts when the server has ended the connection during a call."""


def passing(error: BaseException) -> TransientError | None:
    """Return the failure as OutageError when the database is away, as TransientError when a retry may succeed.

    Return None for every other failure: wrong SQL, wrong values, a violated constraint.
    """
    words = f"PostgreSQL: {type(error).__name__}: {error}"
    if _is_away(error):
        return OutageError(words)
    if _code(error).startswith(_RETRYABLE) or isinstance(
        error, asyncpg.OutdatedSchemaCacheError | asyncpg.InternalClientError
    ):
        return TransientError(words)
    return None


def unreachable(error: BaseException) -> TransientError | None:
    """Return the failure as ``passing`` does, for a call of the database only: network failures are outages, too."""
    if isinstance(error, OSError):
        return OutageError(f"PostgreSQL: {type(error).__name__}: {error}")
    return passing(error)


def _is_away(error: BaseException) -> bool:
    code = _code(error)
    if code in _AWAY or code.startswith(_CONNECTION) or isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return True
    # asyncpg's own errors have no code, and the same class is raised for wrong arguments.
    is_of_client = isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)
    return is_of_client and not isinstance(error, ValueError) and any(words in str(error) for words in _LOST)


def _code(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "") if isinstance(error, asyncpg.PostgresError) else ""
