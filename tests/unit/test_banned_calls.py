"""Calls of the Kafka client that end the process: a linter sees them only where the receiver's type is written."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
BANNED = {
    "list_consumer_group_offsets": (
        "it ends the process when the group's coordinator moves (decision 14); use ProtocolAdmin.group_positions"
    )
}
_CODE = ("shared", "services", "examples", "benchmarks", "tests", "docs", "deploy")
_SHOWS_THE_FAULT = ROOT / "tests" / "unit" / "client_faults"


_BETWEEN_WORDS = bytes(set(range(128)) - {*b"abcdefghijklmnopqrstuvwxyz_"})


def uses(text: str) -> list[tuple[int, str]]:
    """Lines and names of banned calls: as an attribute, by import, or by ``getattr``."""
    # A tenth of the time of a syntax tree. Texts in pieces, one after the other, are whole texts here, too.
    letters = text.encode().translate(None, _BETWEEN_WORDS)
    if not any(name.encode() in letters for name in BANNED):
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name) | ast.Constant(value=name):
                if name in BANNED:
                    found.append((node.lineno, str(name)))
            case _:
                continue
    return found


def test_no_code_makes_a_call_that_ends_the_process() -> None:
    files = [file for folder in _CODE for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 300
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {name}: {BANNED[name]}"
        for file in files
        if not file.is_relative_to(_SHOWS_THE_FAULT) and file != Path(__file__)
        for line, name in uses(file.read_text())
    ]
    assert not wrong, "\n".join(wrong)


def test_each_way_to_make_a_banned_call_is_found() -> None:
    ways = [
        "admin.list_consumer_group_offsets([asked])",
        "ask = self._client.list_consumer_group_offsets",
        'getattr(admin, "list_consumer_group_offsets")([asked])',
        "from x import list_consumer_group_offsets",
        'getattr(admin, "list_consumer" "_group_offsets")',
    ]
    assert [[line for line, _ in uses(way)] for way in ways] == [[1]] * 5
    assert uses("admin.list_consumer_groups()  # list_consumer_group_offsets would end the process") == []
