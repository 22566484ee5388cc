"""Which SQL statements a contract may contain."""

import re
from typing import Final

_FIRST_WORDS: Final = ("select", "insert", "update", "delete", "merge", "with", "values")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_COMMENT = re.compile(r"--|/\*|\$[A-Za-z_]*\$")
_WORD = re.compile(r"\s*([A-Za-z]*)", re.ASCII)
_PLACEHOLDER = re.compile(r"\$([0-9]{1,4})", re.ASCII)


def statement_problem(statement: str, parameters: int) -> str:
    """Return why a statement with this number of parameters is refused. Empty when it is not.

    It finds mistakes of the author. The statement is constant, and the server binds the parameters.
    """
    plain = _QUOTED.sub("''", statement)
    found = _WORD.match(plain)
    first = found[1] if found else ""
    if first.lower() not in _FIRST_WORDS:
        return f"the statement begins with {first[:20]!r}; begin with {', '.join(_FIRST_WORDS)}"
    if _COMMENT.search(plain):
        return "the statement has a comment or a text in dollars; write neither, and quote texts with '"
    if ";" in plain.strip().removesuffix(";"):
        return "the statement has a semicolon; write one statement for each operation"
    used = {int(number) for number in _PLACEHOLDER.findall(plain)}
    if used != set(range(1, parameters + 1)):
        names = ", ".join(f"${number}" for number in sorted(used)) or "no placeholder"
        return f"the statement uses {names}, and there are {parameters} parameters; they are $1, $2... in order"
    return ""
