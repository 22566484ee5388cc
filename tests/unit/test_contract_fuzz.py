"""Hostile contracts are refused, or become code that compiles and passes: never code that says more."""

import os
from pathlib import Path

from onex.contract import contract_json_schema
from tests.contract_fuzz import CANARY, outcomes, run_outcome
from tests.schema_texts import text_places


def test_fifty_contracts(tmp_path: Path) -> None:
    found = list(outcomes(50, seed=1))
    accepted = [outcome for outcome in found if outcome.files is not None]
    assert 5 <= len(accepted) <= 45
    for number, outcome in enumerate(accepted):
        run_outcome(outcome, tmp_path / str(number))
    assert CANARY not in os.environ


def test_the_schema_says_where_texts_are() -> None:
    found = text_places(contract_json_schema())
    for place in ("name", "mixins [] name", "config {key}", "metadata {}", "workflow_coordination steps [] id"):
        assert tuple(place.split()) in found
    assert len(found) >= 69
