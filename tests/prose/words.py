"""Find words that docs/style.md replaces: in documents outside of code, and in docstrings."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

DOCUMENTS = ("*.md", "[a-z]*/README.md", "docs/**/*.md")
MODULES = ("shared/**/*.py", "services/**/*.py", "examples/**/*.py", "tests/**/*.py", "benchmarks/**/*.py")
STYLE = "docs/style.md"
"""It quotes the words, and is not searched."""
RENDERED = ("docs/api.md", "docs/capability-fields.md", "docs/contract-reference.md")
"""Their texts are docstrings, which are searched where they are written."""
_CODE = re.compile(r"^```.*?^```$|``[^`]+``|`[^`]+`", re.MULTILINE | re.DOTALL)


class Finding(NamedTuple):
    """A word that has a plain replacement."""

    path: str
    line: int
    word: str


def listed_words(style: str) -> list[str]:
    """Return the first column of the table of words, without those that are wrong in one sense only."""
    _, _, table = style.partition("| not | but |\n")
    rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines()[1:]]
    return [word.strip() for row in rows if "(" not in row for word in row.split(",")]


def pattern_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of these words, whole and in any case. A line may end between two words of one entry."""
    alternatives = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in words)
    return re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)


def find_all(root: Path, pattern: re.Pattern[str]) -> Iterator[Finding]:
    """Find the words in all documents and modules below ``root``."""
    for path in _files(root, DOCUMENTS):
        yield from in_text(path.relative_to(root).as_posix(), path.read_text(), pattern)
    for path in _files(root, MODULES):
        yield from in_module(path.relative_to(root).as_posix(), path.read_text(), pattern)


def _files(root: Path, patterns: Iterable[str]) -> list[Path]:
    skipped = {root / path for path in (STYLE, *RENDERED)}
    return sorted({path for each in patterns for path in root.glob(each)} - skipped)


def in_text(path: str, text: str, pattern: re.Pattern[str], first_line: int = 1) -> Iterator[Finding]:
    """Find the words in a text, outside of code."""
    prose = _CODE.sub(lambda code: re.sub(r"\S", " ", code[0]), text)
    for match in pattern.finditer(prose):
        yield Finding(path, first_line + prose.count("\n", 0, match.start()), " ".join(match[0].lower().split()))


def in_module(path: str, source: str, pattern: re.Pattern[str]) -> Iterator[Finding]:
    """Find the words in the docstrings of a module, of its classes and functions, and of attributes."""
    if not pattern.search(source):  # a tenth of the time of a syntax tree
        return
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text), lineno=line)):
                yield from in_text(path, text, pattern, line)
