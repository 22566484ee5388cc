"""Hostile contracts are refused, or become code that compiles and passes: never code that says more."""

import os
from pathlib import Path

from tests.contract_fuzz import CANARY, outcomes, run_outcome


def test_fifty_contracts(tmp_path: Path) -> None:
    found = list(outcomes(50, seed=1))
    accepted = [outcome for outcome in found if outcome.files is not None]
    assert 5 <= len(accepted) <= 45
    for number, outcome in enumerate(accepted):
        run_outcome(outcome, tmp_path / str(number))
    assert CANARY not in os.environ
