"""Upper bound of a regular expression's running time, from its parsed form: Python's engine backtracks."""

from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]  # the parser of Python's own syntax has no stubs
from re import _parser as parser  # type: ignore[attr-defined]  # as above

MOST_STEPS = 1 << 29
"""Steps of one expression on one text: some seconds in the worst case."""

_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)

Item = tuple[object, object]
"""An operation and its argument, as Python's parser returns them."""


class _RepeatedChoiceError(Exception):
    """The number of ways to match doubles with each repetition."""


def too_slow(pattern: str, length: int) -> str:
    """Return why an expression is too slow for texts of ``length`` characters, with the remedy, or an empty text."""
    try:
        steps = length * _steps(parser.parse(pattern), length, repeated=False)
    except _RepeatedChoiceError:
        return "repeats a repetition or a choice, so its time doubles with each character; remove one of the two"
    if steps > MOST_STEPS:
        return f"may take too long for a text of {length} characters; write {{0,64}} for *, or lower max_input_length"
    return ""


def _steps(items: Iterable[Item], length: int, *, repeated: bool) -> int:
    """Return the most steps from one position of a text.

    ``repeated`` is true within a repetition, which must have one way to match only.
    """
    steps = 1
    for operation, argument in items:
        steps *= _steps_of(operation, argument, length, repeated=repeated)
    return steps


def _steps_of(operation: object, argument: object, length: int, *, repeated: bool) -> int:
    match argument:
        case (int(least), int(most), parser.SubPattern() as body) if operation in _REPEATS:
            if repeated and least != most:
                raise _RepeatedChoiceError
            ways = 1 + min(most, length) - min(least, length)
            return max(ways, min(most, length)) * _steps(body, length, repeated=repeated or most > 1)
        case (_, list(branches)) if operation is op.BRANCH:
            if repeated:
                raise _RepeatedChoiceError
            if _are_different_words(branches):
                return 1
            return sum(_steps(branch, length, repeated=repeated) for branch in branches)
        case int() if operation is op.GROUPREF:
            return length
        case _:
            return _steps_within(argument, length, repeated=repeated)


def _are_different_words(branches: list[Iterable[Item]]) -> bool:
    """Return whether at most one branch can match at any position: literals of which none is a prefix of another."""
    words = [list(branch) for branch in branches]
    if not all(operation is op.LITERAL for word in words for operation, _ in word):
        return False
    return not any(a is not b and a == b[: len(a)] for a in words for b in words)


def _steps_within(argument: object, length: int, *, repeated: bool) -> int:
    """Return the steps of groups, assertions and conditions, whose parts are at various positions of the argument."""
    if isinstance(argument, parser.SubPattern):
        return _steps(argument, length, repeated=repeated)
    steps = 1
    if isinstance(argument, tuple):
        for part in argument:
            steps *= _steps_within(part, length, repeated=repeated)
    return steps
