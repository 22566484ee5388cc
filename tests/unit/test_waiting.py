"""A wait that fails says what a program wrote while the test waited."""

import pytest

from tests.conftest import eventually


def test_what_is_waited_for_is_asked_after_the_wait() -> None:
    log: list[str] = []
    with pytest.raises(AssertionError, match=r"^not within 0 s: line 1 in: \['line 1'\]$"):
        eventually(lambda: log.append("line 1"), 0, lambda: f"line 1 in: {log}")


def test_a_wait_that_succeeds_asks_nothing() -> None:
    eventually(lambda: True, 0, lambda: pytest.fail("asked"))
