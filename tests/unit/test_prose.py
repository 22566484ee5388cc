"""The check of words over documents and docstrings, which is a part of ``make lint``."""

import pytest

from tests.prose.__main__ import ROOT, grown
from tests.prose.words import STYLE, in_module, in_text, listed_words, pattern_of

PATTERN = pattern_of(["told", "at once", "kept"])


def test_the_words_are_those_of_the_table() -> None:
    words = listed_words((ROOT / STYLE).read_text())
    assert {"told", "at once", "who asks"} <= {*words}
    assert not any("answer" in word for word in words)  # it is wrong in one sense only


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The sender is Told.", [(1, "told")]),
        ("It ends at\nonce.", [(1, "at once")]),
        ("It untold.", []),
        ("`kept` and ``told`` are code", []),
        ("kept\n```sh\ntold\n```\nkept", [(1, "kept"), (5, "kept")]),
    ],
)
def test_words_are_found_outside_of_code(text: str, found: list[tuple[int, str]]) -> None:
    assert [(line, word) for _, line, word in in_text("x.md", text, PATTERN)] == found


def test_docstrings_are_searched_and_code_is_not() -> None:
    source = '"""Kept."""\nkept = "told"\n"""What was\ntold."""\n'
    assert [(line, word) for _, line, word in in_module("x.py", source, PATTERN)] == [(1, "kept"), (4, "told")]


def test_a_file_may_have_fewer_words_and_not_more() -> None:
    assert grown({"a": 2, "b": 1, "c": 1}, {"a": 3, "b": 0}) == ["b", "c"]
