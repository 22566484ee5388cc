"""Waiting for a condition: what a test goes on with is what the look that ended the wait has found."""

import pytest

from tests.conftest import eventually


def test_the_look_that_ends_the_wait_is_the_last_one() -> None:
    """The next broker that a test asks may not know a leader yet."""
    leaders = iter([None, 0, 7, None])
    assert eventually(lambda: next(leaders)) == 7
    assert list(leaders) == [None]


def test_what_never_holds_is_named() -> None:
    with pytest.raises(AssertionError, match=r"^not within 0 s: a leader$"):
        eventually(lambda: None, 0, "a leader")
