"""Many more contracts than the unit tests render, with a hostile text in every place where the schema has one."""

import os
from pathlib import Path

import pytest

from onex.contract import contract_json_schema
from tests.contract_fuzz import CANARY, outcomes, run_outcome
from tests.schema_texts import text_places


@pytest.mark.parametrize("seed", range(10, 17))
def test_a_hostile_text_in_every_place(seed: int, tmp_path: Path) -> None:
    accepted, hostile = 0, set()
    places = set(text_places(contract_json_schema()))
    for number, outcome in enumerate(outcomes(2 * len(places), seed)):
        hostile.add(outcome.place)
        if outcome.files is not None:
            accepted += 1
            run_outcome(outcome, tmp_path / str(number))
    assert len(places) // 5 <= accepted <= 2 * len(places)
    assert hostile >= places
    assert CANARY not in os.environ
