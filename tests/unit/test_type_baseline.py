"""Own types are distinguished by methods and ``match``; the exceptions are listed, and may only shrink."""

from collections import Counter

import pytest

from tests.type_baseline import BASELINE, UNKNOWN, Allowed, Use, count_all, grown, read_baseline, text_of, uses_in

ALLOWED = read_baseline(BASELINE.read_text())


def test_no_file_gains_a_use() -> None:
    assert grown(count_all(), ALLOWED) == []


def test_each_exception_has_a_reason() -> None:
    assert [use for use, allowed in ALLOWED.items() if UNKNOWN in allowed.reason] == []


def test_services_have_no_use() -> None:
    assert count_all(folders=["services"]) == {}


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("from onex.x import A\nisinstance(a, A)", ["own"]),
        ("from onex.x import A as B\nisinstance(a, (int, B))", ["own"]),
        ("class A: ...\nisinstance(a, int | A)", ["own"]),
        ("from onex import wire\nisinstance(a, wire.A)", ["own"]),
        ("from onex.errors import BusError\nisinstance(a, BusError)", ["other"]),
        ("import ast\nisinstance(a, ast.Name)\nisinstance(a, str)", ["other", "other"]),
        ("from typing import Any\nx: Any = 1\ny: list[Any]", ["Any", "Any"]),
        ('"""isinstance(a, A), Any"""\nmatch x:\n    case int(): ...', []),
    ],
)
def test_uses_are_found(source: str, kinds: list[str]) -> None:
    assert Counter(use.kind for use, _ in uses_in("x.py", source)) == Counter(kinds)


def test_a_baseline_keeps_its_reasons() -> None:
    own, other = Use("shared/onex/a.py", "own"), Use("shared/onex/a.py", "other")
    before = {own: Allowed(2, "the codec returns any message"), other: Allowed(1, "x")}
    now = {own: Allowed(1, UNKNOWN), other: Allowed(1, "classes of exceptions")}
    after = read_baseline(text_of(now, before))
    assert after == {own: Allowed(1, "the codec returns any message"), other: now[other]}
    assert grown(now, before) == []
    assert grown(now, {}) != []
    assert grown({Use("services/a.py", "other"): Allowed(1, "x")}, {Use("services/a.py", "other"): Allowed(1, "x")})
