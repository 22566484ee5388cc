"""Taking secrets out of what is shown: log lines, spans, audit entries."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from pydantic import BaseModel

HIDDEN = "[redacted]"
_REMEMBERED = 2048
"""Names of which the verdict is kept. Names come out of messages, so a sender can make up any number of them."""
_LONGEST_NAME = 128
"""Characters; longer names are judged each time, so that the kept ones have a bound in bytes as well."""
_PARTS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Redactor:
    """Hides values by the names they stand under.

    A pattern fits a name that is it, or has it as one of its words: ``key`` fits ``api_key`` and ``apiKey``, but not
    ``monkey``. Upper and lower case mean the same.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = frozenset(pattern.lower() for pattern in patterns)
        self._judged = lru_cache(_REMEMBERED)(self._judge)

    def hides(self, name: str) -> bool:
        """Whether what stands under this name is a secret."""
        return self._judged(name) if len(name) <= _LONGEST_NAME else self._judge(name)

    def _judge(self, name: str) -> bool:
        words = {name.lower(), *(part.lower() for part in _PARTS.findall(name))}
        return bool(words & self._patterns)

    def clean(self, value: object) -> object:
        """The same value, containers and models within it as plain ones, without its secrets."""
        match value:
            case BaseModel():
                return self.clean({name: getattr(value, name) for name in type(value).model_fields})
            case Mapping():
                return {key: HIDDEN if self.hides(str(key)) else self.clean(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.clean(item) for item in value]
            case _:
                return value
