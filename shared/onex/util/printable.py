"""Text from any sender, made safe to print.

Messages, headers, keys, contracts and settings may contain escape sequences, controls of the writing direction and
lone surrogates.
"""

import json
from unicodedata import category

_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, formats (writing direction, width zero), surrogates, separators of lines."""


def printable(text: str) -> str:
    """Return the text with invisible and control characters escaped as in JSON: ``\\u001b``. Ends of lines stay."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or category(c) not in _ESCAPED else json.dumps(c)[1:-1] for c in text)


def one_line(value: object) -> str:
    """As :func:`printable`, with ``\\n`` for the end of a line: no text can look like a line of the tool."""
    return printable(str(value)).replace("\n", "\\n")


def indented(value: object) -> str:
    """As :func:`printable`, with all lines but the first one indented, for texts that have lines: stacks, patches."""
    return printable(str(value)).replace("\n", "\n    ")
