"""When benchmarks begin to measure."""

from collections.abc import Iterable

import pytest
from benchmarks.field.steady import SteadyRate


def verdicts(marks: Iterable[tuple[float, float]]) -> list[tuple[float, bool]]:
    """At each mark, whether the rate is steady."""
    steady = SteadyRate()
    return [(at, steady.is_steady()) for at, done in marks if steady.add(at, round(done))]


@pytest.mark.parametrize("between", [0.05, 0.31, 0.5, 0.7, 1.3, 2.0, 4.9])
def test_a_constant_rate_is_steady_at_each_mark_whatever_lies_between_them(between: float) -> None:
    times = [number * between + (0.01 if number % 2 else 0.0) for number in range(round(40 / between))]
    found = verdicts((at, 1000 * at) for at in times)
    late = [is_steady for at, is_steady in found if at >= 10 + 2 * between + 0.02]
    assert late
    assert all(late)
    assert not any(is_steady for at, is_steady in found if at < 10)


@pytest.mark.parametrize("growth", [1.06, 0.94, 1.5])
def test_a_rate_that_changes_is_not_steady_until_it_stays(growth: float) -> None:
    """The rate changes by the factor every five seconds, until second 40."""
    done, marks = 0.0, list[tuple[float, float]]()
    for tick in range(600):
        at = tick / 10
        done += 1000 * growth ** (min(at, 40) / 5) / 10
        marks.append((at, done))
    found = verdicts(marks)
    assert not any(is_steady for at, is_steady in found if at < 40)
    assert all(is_steady for at, is_steady in found if at > 51)


def test_a_peer_that_stands_still_has_no_marks() -> None:
    steady = SteadyRate()
    assert not steady.is_steady()
    assert steady.speed() == 0
    assert steady.add(1.0, 5)
    assert not steady.add(30.0, 5)
    assert (steady.last.at, steady.speed(), steady.is_steady()) == (1.0, 0, False)
    assert steady.add(3.0, 25)
    assert steady.speed() == 10
