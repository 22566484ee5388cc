"""What a test leaves behind for the next one."""

from contextvars import ContextVar

import pytest

_SENDER: ContextVar[str] = ContextVar("sender", default="")


@pytest.mark.parametrize("turn", range(20))
def test_what_a_test_sets_in_its_context_ends_with_it(turn: int) -> None:
    assert _SENDER.get() == ""
    _SENDER.set(f"of turn {turn}")
