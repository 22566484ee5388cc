"""Thousands of schedules a minute must hold; every known bug must be found."""

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.schedule import draw
from tests.simulation.simulator import fails, first_failure, shrunk

_SEEDS, _BLOCK = 120, 15
_ENOUGH = range(250)
"""Schedules within which every mutant must be found."""


@pytest.mark.parametrize("start", range(0, _SEEDS, _BLOCK))
def test_no_schedule_breaks_a_promise(start: int) -> None:
    found = first_failure(range(start, start + _BLOCK))
    assert found is None, f"python -m tests.simulation --seed {found[0]} --trace --shrink" if found else ""


_RARE = {
    "outcomes_of_given_up_partitions_committed": 420,
    "timers_without_a_position": 70,
    "fence_freed_before_the_commit": 270,
    "fence_freed_by_the_first_of_several": 60,
    "repeated_command_starts_again": 28,
}
"""Where the search for a bug begins that few schedules meet: those before this one would only take their time."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_known_bug_is_found(name: str) -> None:
    start = _RARE.get(name, 0)
    with MUTANTS[name]():
        found = first_failure(range(start, start + len(_ENOUGH)))
    assert found, f"no schedule finds {name}"
    assert not fails(found[0], draw(found[0])), f"schedule {found[0]} fails without {name}, too"


def test_a_seed_replays_step_by_step() -> None:
    first, second = list[str](), list[str]()
    fails(7, draw(7), first.append)
    fails(7, draw(7), second.append)
    assert first == second
    assert len(first) == 150


def test_a_failing_schedule_is_cut_down() -> None:
    with MUTANTS["no_rewind_after_an_abort"]():
        found = first_failure(_ENOUGH)
        assert found
        schedule = draw(found[0])
        short = shrunk(found[0], schedule, 120)
        assert fails(found[0], short)
        assert len(short) < len(schedule) / 3
