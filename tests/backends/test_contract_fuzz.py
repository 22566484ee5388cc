"""Many more contracts than the unit tests render, with a hostile text in every place where the schema has one."""

import os
from pathlib import Path

import pytest

from onex.contract import contract_json_schema
from tests.contract_fuzz import CANARY, outcomes, run_outcome
from tests.schema_texts import text_places


@pytest.mark.parametrize("seed", range(10, 20))
def test_two_hundred_contracts(seed: int, tmp_path: Path) -> None:
    accepted, hostile = 0, set()
    for number, outcome in enumerate(outcomes(200, seed)):
        hostile.add(outcome.place)
        if outcome.files is not None:
            accepted += 1
            run_outcome(outcome, tmp_path / str(number))
    assert 20 <= accepted <= 180
    assert hostile >= set(text_places(contract_json_schema()))
    assert CANARY not in os.environ
