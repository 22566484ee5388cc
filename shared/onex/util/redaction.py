"""Removes secrets from log lines, spans and audit entries."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from pydantic import BaseModel

HIDDEN = "[redacted]"
_REMEMBERED = 2048
"""Number of names whose verdict is cached. Names come from messages, so a sender can invent any number of them."""
_LONGEST_NAME = 128
"""Longest cached name, in characters. It bounds the cache in bytes."""
_PARTS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Redactor:
    """Hides values by their names.

    A pattern matches a name that equals it, or contains it as a word: ``key`` matches ``api_key`` and ``apiKey``, but
    not ``monkey``. Case does not matter.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = frozenset(pattern.lower() for pattern in patterns)
        self._judged = lru_cache(_REMEMBERED)(self._judge)

    def hides(self, name: str) -> bool:
        """Return whether the value with this name is a secret."""
        return self._judged(name) if len(name) <= _LONGEST_NAME else self._judge(name)

    def _judge(self, name: str) -> bool:
        words = {name.lower(), *(part.lower() for part in _PARTS.findall(name))}
        return bool(words & self._patterns)

    def clean(self, value: object) -> object:
        """Return a value without secrets. Containers and models become plain dicts and lists."""
        match value:
            case BaseModel():
                return self.clean({name: getattr(value, name) for name in type(value).model_fields})
            case Mapping():
                return {key: HIDDEN if self.hides(str(key)) else self.clean(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.clean(item) for item in value]
            case _:
                return value
