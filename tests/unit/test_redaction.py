"""What is hidden, and that names out of messages do not fill the memory."""

import tracemalloc

import pytest

from onex.util.redaction import HIDDEN, Redactor


@pytest.mark.parametrize("size", [20, 5_000])
def test_names_that_a_sender_makes_up_do_not_stay_in_memory(size: int) -> None:
    redactor = Redactor(["token"])
    count = 20_000_000 // (size * 50)
    tracemalloc.start()
    try:
        for number in range(count):
            assert not redactor.hides(f"{number:0{size}}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert redactor._judged.cache_info().currsize <= 2048
    assert kept < 2_000_000


def test_long_names_are_judged_as_short_ones_are() -> None:
    redactor = Redactor(["token"])
    assert redactor.clean({"x" * 200 + "_token": 1, "x" * 200: 2, "card_token": 3}) == {
        "x" * 200 + "_token": HIDDEN,
        "x" * 200: 2,
        "card_token": HIDDEN,
    }
