"""The short form of ``make chaos``: one instance of every node, seven faults, the whole ledger."""

from pathlib import Path

import pytest

from onex.local import LocalPostgres
from tests.chaos.faults import available
from tests.chaos.run import draw, run, table

_FAULTS = (
    "poison",
    "kill_an_agent",
    "kill_a_broker",
    "repeat_commands",
    "full_state_disk",
    "cut_the_database_off",
    "jump_of_a_clock",
)


@pytest.mark.timeout(900)
def test_after_faults_every_promise_is_kept(postgres: LocalPostgres, tmp_path: Path) -> None:
    rows = run(1, [name for name in _FAULTS if name in available()], postgres, tmp_path)
    assert all(expected == found for _, expected, found in rows), table(rows)


def test_a_seed_draws_the_same_faults_and_each_kind_once_before_any_comes_again() -> None:
    assert draw(7, 30) == draw(7, 30) != draw(8, 30)
    kinds = sorted(available())
    assert sorted(draw(7, len(kinds))) == kinds
    assert sorted(draw(7, 2 * len(kinds))) == sorted(kinds * 2)
