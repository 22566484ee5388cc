"""Names in the spelling that each place needs."""

import re
from collections.abc import Iterable, Iterator
from itertools import count

from onex.codegen.render.generatable import IMPORTED
from onex.model.contract.field_type import PLAIN_TYPES
from onex.model.contract.identifiers import LONGEST_IDENTIFIER, class_name_problem
from onex.model.topic import kebab

_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_NOISE = frozenset({"model", "handler", "node", "event", "handle", "payload", "command", "the", "v1", "on", "to"})


def words_of(text: str) -> list[str]:
    """Return the lower-case words of ``ModelOrderPriced``, ``order-priced`` or ``order.priced``."""
    return [word.lower() for word in _BORDER.split(text) if word]


def snake(text: str) -> str:
    """Return ``order_priced``."""
    return "_".join(words_of(text))


def pascal(text: str) -> str:
    """Return ``OrderPriced``."""
    return "".join(word.capitalize() for word in words_of(text))


def meaning(text: str) -> frozenset[str]:
    """Return the words that say what a name is about, without those of every name."""
    return frozenset(words_of(text)) - _NOISE


def last_part(text: str) -> str:
    """Return ``Order`` for ``shop.models:Order`` and ``shop.models.Order``."""
    return re.split(r"[.:/#]", text.strip().strip("\"'"))[-1]


def class_name_of(text: str) -> str:
    """Return the text as the name of a message class, or an empty text."""
    name = last_part(text)
    if class_name_problem(name):
        name = pascal(name)[:LONGEST_IDENTIFIER]
    return "" if class_name_problem(name) or name in PLAIN_TYPES else name


class MessageNames:
    """Names of messages, which stay distinct as classes and on topics."""

    def __init__(self) -> None:
        self._used: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def is_free(self, name: str) -> bool:
        """Return whether a message may have the name: generated modules import some names themselves."""
        return bool(name) and kebab(name) not in self._used and name not in IMPORTED

    def use(self, candidates: Iterable[str]) -> str:
        """Return the first free candidate, and reserve it."""
        name = next(candidate for candidate in self._endless(candidates) if self.is_free(candidate))
        self._used[kebab(name)] = name
        return name

    def _endless(self, candidates: Iterable[str]) -> Iterator[str]:
        """Yield the candidates, and then the last one with growing numbers."""
        last = "Message"
        for candidate in candidates:
            yield candidate
            last = candidate or last
        for number in count(self._numbers.get(last, 2)):
            self._numbers[last] = number + 1
            yield f"{last[: LONGEST_IDENTIFIER - 7]}{number}"
