"""Which failures of PostgreSQL and its client pass by themselves: SQLSTATE classes 08, 40, 53, 57, and asyncpg's own.

Source: PostgreSQL's documentation, appendix "PostgreSQL Error Codes".
"""

import asyncpg

from onex.errors import OutageError, TransientError

_AWAY = frozenset({"53100", "53300", "57P01", "57P02", "57P03", "57P04", "57P05"})
"""The disk is full, too many connections, the server ends or starts: no statement is the cause."""
_CONNECTION = "08"
_AGAIN = ("40", "53", "57")
"""Rolled back for another transaction, short of memory, cancelled: the statement may be the cause, so it counts."""
_LOST = ("closed", "closing", "protocol state", "unexpected state", "waiter is")
"""In texts of asyncpg's own errors, when the server ended the connection under a call."""


def passing(error: BaseException) -> TransientError | None:
    """The same failure as OutageError when the database is away, as TransientError when another attempt may help.

    None for every other failure: wrong SQL, wrong values, a violated constraint.
    """
    words = f"PostgreSQL: {type(error).__name__}: {error}"
    if _is_away(error):
        return OutageError(words)
    if _code(error).startswith(_AGAIN) or isinstance(
        error, asyncpg.OutdatedSchemaCacheError | asyncpg.InternalClientError
    ):
        return TransientError(words)
    return None


def unreachable(error: BaseException) -> TransientError | None:
    """``passing`` for a call that does nothing but ask the database: there a failure of the network is its own."""
    if isinstance(error, OSError):
        return OutageError(f"PostgreSQL: {type(error).__name__}: {error}")
    return passing(error)


def _is_away(error: BaseException) -> bool:
    code = _code(error)
    if code in _AWAY or code.startswith(_CONNECTION) or isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return True
    # asyncpg's own errors have no code, and the same class is raised for wrong arguments.
    is_own = isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)
    return is_own and not isinstance(error, ValueError) and any(words in str(error) for words in _LOST)


def _code(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "") if isinstance(error, asyncpg.PostgresError) else ""
