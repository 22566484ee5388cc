"""Counts the steps that a regular expression takes: Python's engine tries the same ways in the same order.

Knows what the expressions of MixinSecurity use, no more.
"""

import re
from collections.abc import Iterator, Sequence
from re import _constants as op  # type: ignore[attr-defined]  # the parser of Python's own syntax has no stubs
from re import _parser as parser  # type: ignore[attr-defined]  # as above

Node = tuple[object, object]
"""An operation and its argument, as Python's parser returns them."""
_NEGATE: Node = (op.NEGATE, None)


class Steps:
    """One search of one expression in one text."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.count = 0
        """Number of characters that the engine reads."""
        self._text = text.lower() if pattern.flags & re.IGNORECASE else text
        nodes = list(parser.parse(pattern.pattern, pattern.flags))
        self.found = any(self._matches(nodes, start) for start in range(len(text) + 1))
        """Return whether the expression matches."""

    def _matches(self, nodes: Sequence[Node], start: int) -> bool:
        return next(self._ends(nodes, start), None) is not None

    def _ends(self, nodes: Sequence[Node], at: int) -> Iterator[int]:
        """Yield the positions where a match may end, in the order in which the engine tries them."""
        if not nodes:
            yield at
            return
        for end in self._of_one(nodes[0], at):
            yield from self._ends(nodes[1:], end)

    def _of_one(self, node: Node, at: int) -> Iterator[int]:
        match node:
            case (op.MAX_REPEAT | op.POSSESSIVE_REPEAT as kind, (int(least), int(most), parser.SubPattern() as body)):
                ends = self._repeated(list(body), at, most)
                if kind is op.POSSESSIVE_REPEAT:
                    ends = ends[-1:]
                yield from (end for number, end in reversed(ends) if number >= least)
            case (op.BRANCH, (_, list(branches))):
                for branch in branches:
                    yield from self._ends(list(branch), at)
            case (op.SUBPATTERN, (*_, parser.SubPattern() as body)):
                yield from self._ends(list(body), at)
            case (op.AT, op.AT_BOUNDARY):
                self.count += 1
                if self._is_word(at - 1) != self._is_word(at):
                    yield at
            case _:
                self.count += 1
                if at < len(self._text) and _fits(node, self._text[at]):
                    yield at + 1

    def _repeated(self, body: list[Node], at: int, most: int) -> list[tuple[int, int]]:
        """Yield the number of matches of the body, and where they end; one way each, as in these expressions."""
        ends = [(0, at)]
        while len(ends) <= most and (end := next(self._ends(body, ends[-1][1]), None)) is not None:
            ends.append((len(ends), end))
        return ends

    def _is_word(self, at: int) -> bool:
        return 0 <= at < len(self._text) and _fits((op.CATEGORY, op.CATEGORY_WORD), self._text[at])


def _fits(node: Node, character: str) -> bool:
    match node:
        case (op.LITERAL, int(code)):
            return character == chr(code).lower()
        case (op.NOT_LITERAL, int(code)):
            return character != chr(code)
        case (op.CATEGORY, op.CATEGORY_WORD):
            return character.isalnum() or character == "_"
        case (op.CATEGORY, op.CATEGORY_SPACE):
            return character.isspace()
        case (op.IN, list(items)):
            found = any(_fits(item, character) for item in items if item != _NEGATE)
            return found is not (_NEGATE in items)
        case _:
            raise NotImplementedError(node)
