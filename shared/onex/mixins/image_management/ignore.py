"""``.dockerignore``: which files of a folder are not part of a build."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_MOST_PATTERNS: Final = 1_000
_TOKENS: Final = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]")


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The patterns of a file. The last one that matches decides, and ``!`` includes again."""

    patterns: Sequence[tuple[bool, re.Pattern[str]]] = ()
    """Whether the pattern excludes, and the pattern."""

    @classmethod
    def parse(cls, text: str) -> "IgnoreRules":
        """Return the rules of a file. Only the first 1000 lines count."""
        lines = (line.strip() for line in text.splitlines()[:_MOST_PATTERNS])
        return cls([_compiled(line) for line in lines if line and not line.startswith("#") and line != "!"])

    def excludes(self, path: str) -> bool:
        """Return whether a path, with slashes and relative to the folder, is no part of the build."""
        is_excluded = False
        for excludes, pattern in self.patterns:
            if pattern.match(path):
                is_excluded = excludes
        return is_excluded

    @property
    def has_exceptions(self) -> bool:
        """Whether a file of an excluded folder can be included again."""
        return any(not excludes for excludes, _ in self.patterns)


def _compiled(line: str) -> tuple[bool, re.Pattern[str]]:
    text = line.removeprefix("!").strip().strip("/").removeprefix("./")
    parts = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(parts.get(token, re.escape(token)) for token in _TOKENS.findall(text))
    return not line.startswith("!"), re.compile(rf"{body}(?:/.*)?\Z")
