"""The short form of ``make chaos``: one instance of every node, seven faults, the whole ledger."""

from pathlib import Path

import pytest

from onex.local import LocalPostgres
from tests.chaos.ends import Ends
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


@pytest.mark.long
def test_after_faults_every_promise_is_kept(postgres: LocalPostgres, tmp_path: Path) -> None:
    rows = run(1, [name for name in _FAULTS if name in available()], postgres, tmp_path)
    assert all(expected == found for _, expected, found in rows), table(rows)


def test_a_seed_draws_the_same_faults_and_each_kind_once_before_any_comes_again() -> None:
    assert draw(7, 30) == draw(7, 30) != draw(8, 30)
    kinds = sorted(available())
    assert sorted(draw(7, len(kinds))) == kinds
    assert sorted(draw(7, 2 * len(kinds))) == sorted(kinds * 2)


def test_agents_that_end_by_themselves_are_counted_by_signal() -> None:
    ends = Ends()
    assert ends.summary() == "no agent ended by itself"
    for name, code in (("a", -11), ("a", -11), ("b", -11), ("b", 70), ("a", 0), ("c", None), ("d", -99)):
        ends.note(name, code)
    ends.note("a", -15, (0, -15))
    assert ends.total() == 6
    assert ends.summary().splitlines()[1:] == [
        "  signal 99   1  (d 1)",
        "  SIGSEGV     3  (a 2, b 1)",
        "  code 0      1  (a 1)",
        "  code 70     1  (b 1)",
    ]
