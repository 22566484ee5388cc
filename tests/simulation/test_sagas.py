"""Sagas under faults keep their books; every known bug of theirs is found."""

import pytest

from tests.simulation.saga_mutants import SAGA_MUTANTS
from tests.simulation.sagas import first_failure

_SEEDS = range(20)
_ENOUGH = range(60)
"""Seeds within which every mutant must be found."""


def test_no_saga_leaves_more_behind_than_it_says() -> None:
    assert first_failure(_SEEDS) is None


@pytest.mark.parametrize("name", SAGA_MUTANTS)
def test_a_known_bug_is_found(name: str) -> None:
    with SAGA_MUTANTS[name]():
        assert first_failure(_ENOUGH), f"no seed finds {name}"
