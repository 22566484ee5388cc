"""What a test leaves behind for the next one."""

import inspect
from contextvars import ContextVar

import pytest

_SENDER: ContextVar[str] = ContextVar("sender", default="")


@pytest.mark.parametrize("turn", range(20))
def test_what_a_test_sets_in_its_context_ends_with_it(turn: int) -> None:
    assert _SENDER.get() == ""
    _SENDER.set(f"of turn {turn}")


def test_pytest_finds_the_code_of_a_test_that_runs(request: pytest.FixtureRequest) -> None:
    """Hypothesis has pytest show a failure before the test ends."""
    assert inspect.unwrap(request.node.obj).__code__.co_name == request.node.name
