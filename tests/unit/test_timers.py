"""Timers of a partition against a model, and how much memory they take."""

from hypothesis import given
from hypothesis import strategies as st

from onex.agent.state.timers import TimerTable
from onex.node import CancelTimer, SetTimer

_DAY = 86_400.0
_KEY = b"w-1"
_KEPT = {"correlation": "c"}


def _entries(table: TimerTable) -> int:
    return len(table._heap)


def _fire(table: TimerTable, now_ms: int) -> list[str]:
    fired = []
    for timer in table.due(now_ms, 1000):
        if table.still_due(timer):
            table.fired(timer)
            fired.append(f"{timer.key.decode()}/{timer.name}")
    table.commit()
    return fired


def test_a_workflow_that_moves_its_timer_at_each_of_43200_steps_keeps_few_entries() -> None:
    table, most = TimerTable(), 0
    for step in range(43_200):
        changes = (CancelTimer("step"), SetTimer("step", 600)) if step % 2 else (SetTimer("step", 600),)
        table.change(_KEY, [SetTimer("whole", 90 * _DAY)] if not step else changes, step * 180_000, _KEPT)
        table.commit()
        most = max(most, _entries(table))
    assert most <= 100
    assert _fire(table, int(91 * _DAY * 1000)) == ["w-1/whole", "w-1/step"]


def test_messages_that_move_a_hundred_timers_keep_few_entries() -> None:
    table = TimerTable()
    for message in range(30_000):
        table.change(b"k%d" % (message % 100), [SetTimer("idle", 1800)], message, _KEPT)
        table.commit()
    assert _entries(table) <= 300


def test_a_thousand_timers_of_one_key_have_a_thousand_entries() -> None:
    table = TimerTable()
    for number in range(1000):
        table.change(_KEY, [SetTimer(f"t{number:04}", 10 + number)], 0, _KEPT)
        table.commit()
    assert _entries(table) == 1000
    assert len(_fire(table, 10_000_000)) == 1000
    assert _fire(table, 10_000_000) == []
    assert _entries(table) == 0


def test_timers_that_are_due_and_not_fired_yet_keep_their_entries() -> None:
    table = TimerTable()
    for number in range(500):
        table.change(b"k%d" % number, [SetTimer("t", 1)], 0, _KEPT)
    table.commit()
    for _ in range(100):
        assert len(table.due(5000, 300)) == 300
    assert _entries(table) == 500


def test_a_timer_cancelled_and_set_again_for_the_same_time_is_due_once() -> None:
    table = TimerTable()
    for changes in ([SetTimer("t", 5)], [CancelTimer("t")], [SetTimer("t", 5)]):
        table.change(_KEY, changes, 0, _KEPT)
        table.commit()
    assert [timer.name for timer in table.due(5000, 10)] == ["t"]


_changes = st.one_of(
    st.builds(SetTimer, st.sampled_from("abc"), st.integers(0, 5)), st.builds(CancelTimer, st.sampled_from("abc"))
)
_steps = st.lists(
    st.tuples(st.sampled_from([b"x", b"y"]), st.lists(_changes, max_size=3), st.booleans(), st.integers(0, 3)),
    max_size=40,
)


@given(_steps)
def test_what_is_due_is_what_a_plain_table_says(
    steps: list[tuple[bytes, list[SetTimer | CancelTimer], bool, int]],
) -> None:
    table, model, now = TimerTable(), dict[tuple[bytes, str], int](), 0
    for key, changes, aborts, seconds in steps:
        now += seconds * 1000
        table.change(key, changes, now, _KEPT)
        if aborts:
            table.rollback()
        else:
            table.commit()
            for change in changes:
                if isinstance(change, SetTimer):
                    model[key, change.name] = now + round(change.after * 1000)
                else:
                    model.pop((key, change.name), None)
        due = [(timer.due_ms, timer.key, timer.name) for timer in table.due(now, 100)]
        assert due == sorted((at, *of) for of, at in model.items() if at <= now)
        if seconds == 3:
            assert len(_fire(table, now)) == len(due)
            model = {of: at for of, at in model.items() if at > now}
        again = TimerTable()
        again.load((key, value) for key, value in _stored(table))
        assert [t.name for t in again.due(10**12, 100)] == [t.name for t in table.due(10**12, 100)]


def _stored(table: TimerTable) -> list[tuple[bytes, bytes]]:
    """Every key as the store has it."""
    for key in (b"x", b"y"):
        table.change(key, [CancelTimer("none")], 0, _KEPT)
    stored = [(key, value) for key, value in table.changes() if value is not None]
    table.rollback()
    return stored
