"""Many more contracts than the unit tests render."""

import os
from pathlib import Path

import pytest

from tests.contract_fuzz import CANARY, outcomes, run_outcome


@pytest.mark.parametrize("seed", range(10, 20))
def test_two_hundred_contracts(seed: int, tmp_path: Path) -> None:
    accepted = 0
    for number, outcome in enumerate(outcomes(200, seed)):
        if outcome.files is not None:
            accepted += 1
        if outcome.files is not None and number % 4 == 0:
            run_outcome(outcome, tmp_path / str(number))
    assert 20 <= accepted <= 180
    assert CANARY not in os.environ
