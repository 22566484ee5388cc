"""Delays between attempts."""

import math
from types import SimpleNamespace

import pytest

from onex.util.backoff import doubling, exponential, fibonacci, linear


def test_delays_grow_up_to_the_longest() -> None:
    assert [linear(n, 1.5, 4.0) for n in (1, 2, 3)] == [1.5, 3.0, 4.0]
    assert [exponential(n, 0.5, 3.0) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 3.0]
    assert [exponential(n, 1.0, factor=3.0) for n in (1, 2, 3)] == [1.0, 3.0, 9.0]
    assert [fibonacci(n, 0.1) for n in range(1, 8)] == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 1.3])
    assert fibonacci(100, 1.0, 60.0) == 60.0


def test_a_power_that_no_float_holds_is_the_longest_delay() -> None:
    assert exponential(10_000, 1.0, 60.0) == 60.0
    assert exponential(10_000, 1.0) == math.inf


def test_without_a_base_there_is_no_delay() -> None:
    assert [exponential(n, 0.0) for n in (1, 50)] == [0.0, 0.0]


def test_tenacity_gets_a_function_of_its_attempts() -> None:
    wait = doubling(0.2, 1.0)
    assert [wait(SimpleNamespace(attempt_number=n)) for n in (1, 2, 3, 4)] == [0.2, 0.4, 0.8, 1.0]


def test_jitter_is_added_to_the_delay() -> None:
    wait = doubling(1.0, jitter=0.5)
    delays = [wait(SimpleNamespace(attempt_number=1)) for _ in range(100)]
    assert all(1.0 <= delay <= 1.5 for delay in delays)
    assert len(set(delays)) > 1
