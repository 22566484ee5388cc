"""The cause of a failure: a text that is equal for failures with the same cause, whatever the message is.

It has the type of the exception, the lines of the node's own code in its traceback, its codes, and its text without
the parts that differ from message to message: numbers, ids, times and quoted values. Exceptions that it was raised
from, or that it groups, are part of the cause.
"""

import re
import traceback
from collections.abc import Iterator

from onex.util.error_codes import CODE_ATTRIBUTES
from onex.util.error_text import error_text
from onex.util.own_code import is_own_code

_NAME_ATTRIBUTES = (*CODE_ATTRIBUTES, "constraint_name")
_LONGEST_CODE = 64
_TEXT_LIMIT = 1000
_MOST_FRAMES, _MOST_ERRORS = 20, 5
_QUOTED = re.compile(
    r"""(?<!\w)[bru]?(?:"(?:[^"\\]|\\.|(?<=\w)"(?=\w))*"|'(?:[^'\\]|\\.|(?<=\w)'(?=\w))*'|`[^`]*`|«[^»]*»|“[^”]*”)(?!\w)"""
)
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\",;)\]}>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_HEX = re.compile(r"\b[0-9a-f]{8,}\b", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(?<![\w-])[\w-]*\d[\w-]*")
_NUMBERS = re.compile(r"[+-]?#(?:[.:,/+-]*#)*")
_DETAILS = re.compile(r"\n[\s\S]*")
"""Further lines, in which PostgreSQL's drivers put the values of a row."""


def cause_of(error: BaseException) -> str:
    """Return the cause of an error. Raise what code of the error's author raises."""
    return "\n".join(part for each in _chain(error) for part in _parts(each))


def without_values(text: str) -> str:
    """Return the first line of a text, with marks in place of quoted values, addresses, ids and numbers."""
    text = _DETAILS.sub("", text[:_TEXT_LIMIT])
    text = _ADDRESS.sub("#", _QUOTED.sub("''", text))
    text = _NUMBERS.sub("#", _IDENTIFIER.sub("#", _HEX.sub("#", text)))
    clauses: list[str] = []
    for clause in text.split("; "):  # a validation repeats its words for each element that is wrong
        if not any(other == clause or other.endswith(f": {clause}") for other in clauses):
            clauses.append(clause)
    return "; ".join(clauses)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return the error, the errors that it groups, and those that it was raised from."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting and len(seen) < _MOST_ERRORS:
        each = waiting.pop(0)
        if any(each is other for other in seen):
            continue
        seen.append(each)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions[:_MOST_ERRORS]
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
    yield from seen


def _parts(error: BaseException) -> Iterator[str]:
    kind = type(error)
    yield f"{kind.__module__}.{kind.__qualname__}"
    yield from _own_lines(error)
    response = getattr(error, "response", None)  # of httpx and requests, whose texts quote the status
    values = {name: getattr(error, name, None) for name in _NAME_ATTRIBUTES}
    for name, value in (*values.items(), ("response", getattr(response, "status_code", None))):
        if isinstance(value, str | int) and len(str(value)) <= _LONGEST_CODE:
            yield f"{name}={value}"
    yield without_values(error_text(error))


def _own_lines(error: BaseException) -> Iterator[str]:
    """Return the text of the traceback's lines outside of libraries; line numbers change with each edit above.

    Each line comes once, however deep a recursion is.
    """
    lines = (
        f"{frame.filename.rpartition('/')[2]}:{frame.name}:{frame.line or ''}"
        for frame in traceback.extract_tb(error.__traceback__)
        if is_own_code(frame.filename)
    )
    yield from list(dict.fromkeys(lines))[-_MOST_FRAMES:]
