"""Records that ended the process: the journal on disk, and how ends are counted."""

import asyncio
import faulthandler
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from onex.agent.crash import Isolation
from onex.agent.crash.journal import Journal, Span
from onex.agent.crash.suspects import Suspect
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.process.stop import StopSwitch
from onex.agent.process.watchdog.hang_alarm import HangAlarm, LoopTurns
from onex.agent.telemetry.health import Health
from onex.bus.memory.log import COMMITTED, MemoryRecord
from onex.bus.protocols import Partition
from onex.testing import ManualClock
from onex.wire.skip import Skip, skip_in

T0, T1 = Partition("onex.cmd.a.b.v1", 0), Partition("onex.cmd.a.b.v1", 1)
CLOCK = ManualClock()


def lives(folder: Path, *spans: Span, alone: bool = False, times: int = 1) -> Isolation:
    """Have processes end while these records run, and return the suspects of the next one."""
    for _ in range(times):
        Isolation(folder, CLOCK).journal.write(spans, alone=alone)
    return Isolation(folder, CLOCK)


def known(isolation: Isolation) -> list[tuple[int, int, int, bool]]:
    return [(s.first, s.end, s.count, s.blocked) for s in isolation.suspects]


def test_the_next_process_finds_the_records_that_ran(tmp_path: Path) -> None:
    Journal(tmp_path).write([Span(T0, 5, 70), Span(T1, 1, 2)], alone=True)
    found = Journal(tmp_path).left
    assert found.spans == (Span(T0, 5, 70), Span(T1, 1, 2))
    assert found.alone


@pytest.mark.parametrize("end", ["idle", "excuse"])
def test_a_clean_end_leaves_nothing(tmp_path: Path, end: str) -> None:
    journal = Journal(tmp_path)
    journal.write([Span(T0, 5, 70)])
    getattr(journal, end)()
    assert Journal(tmp_path).left.spans == ()


def test_an_excused_process_stays_excused_while_it_drains(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.excuse()
    journal.write([Span(T0, 5, 70)])
    assert Journal(tmp_path).left.spans == ()


def test_a_signal_to_stop_excuses_the_running_records(tmp_path: Path) -> None:
    """A process that gets a signal to stop, and is killed when it takes too long, was not ended by its records."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        journal = Journal(tmp_path)
        journal.write([Span(T0, 5, 70)])
        StopSwitch(journal.excuse)
        signal.raise_signal(signal.SIGTERM)
        assert Journal(tmp_path).left.spans == ()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_an_end_at_a_second_signal_is_logged_and_the_first_one_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stop, codes = StopSwitch(handles_signals=False), list[int]()
    monkeypatch.setattr("onex.agent.process.stop.os._exit", codes.append)
    stop._on_signal(signal.SIGTERM, None)
    assert (stop.requested, stop.reason, codes, capfd.readouterr().err) == (True, "SIGTERM", [], "")
    stop._on_signal(signal.SIGINT, None)
    assert (stop.reason, codes) == ("SIGTERM", [128 + signal.SIGINT])
    line = json.loads(capfd.readouterr().err)
    assert (line["event"], line["signal"]) == ("agent ends without a drain, at a second signal", "SIGINT")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the child has one thread
@pytest.mark.parametrize("stderr", ["closed", "full"])
def test_a_second_signal_ends_a_process_that_cannot_write_why(stderr: str) -> None:
    """The reader of the pipe has hung, or nothing is open as standard error."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writes, bytes(1 << 16))
    os.set_blocking(writes, True)
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # it ends the process that blocks
        if stderr == "full":
            os.dup2(writes, 2)
        else:
            os.close(2)
        stop = StopSwitch(handles_signals=False)
        stop.requested = True
        with suppress(BaseException):
            stop._on_signal(signal.SIGTERM, None)
        os._exit(1)
    os.close(reads)
    os.close(writes)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGTERM


def test_more_spans_than_fit_are_left_out(tmp_path: Path) -> None:
    Journal(tmp_path).write([Span(Partition("t" * 200, n), n, n + 1) for n in range(2000)])
    found = Journal(tmp_path).left.spans
    assert 500 < len(found) < 2000
    assert found[-1] == Span(Partition("t" * 200, len(found) - 1), len(found) - 1, len(found))


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:100],
        lambda raw: raw[: len(raw) - 1],
        lambda raw: b"",
        lambda raw: b"garbage" * 20_000,
        lambda raw: raw.replace(b"ONEXWRK1", b"ONEXWRK2"),
        lambda raw: raw.replace(b"onex.cmd", b"onex.evt"),
        lambda raw: raw[:12] + b"\xff\xff\xff\xff" + raw[16:],
    ],
    ids=["truncated", "one byte short", "empty", "garbage", "another version", "wrong checksum", "absurd length"],
)
def test_a_damaged_journal_is_set_aside(tmp_path: Path, damage: object) -> None:
    Journal(tmp_path).write([Span(T0, 5, 70)])
    file = tmp_path / "in-work"
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]  # a function, see above
    with capture_logs() as logs:
        journal = Journal(tmp_path)
    assert [entry["event"] for entry in logs] == ["set a damaged file aside"]
    assert journal.left.spans == ()
    journal.write([Span(T0, 6, 7)])
    assert Journal(tmp_path).left.spans == (Span(T0, 6, 7),)
    assert (tmp_path / "in-work.damaged").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "17",
        "[" * 100_000,
        '{"version": 2, "suspects": []}',
        '{"version": 1, "suspects": [{"partition": ["t", "0"]}]}',
        '{"version": 1, "suspects": 5}',
    ],
)
def test_damaged_suspects_are_set_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "suspects.json").write_text(text)
    with capture_logs() as logs:
        isolation = Isolation(tmp_path, CLOCK)
    assert [entry["event"] for entry in logs] == ["set a damaged file aside"]
    assert known(isolation) == []
    assert known(lives(tmp_path, Span(T0, 5, 70))) == [(5, 70, 1, False)]


@contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    """Also for root: there is a file in place of the folder."""
    path.write_text("in the way")
    yield


def test_a_folder_that_cannot_be_written_is_reported_and_nothing_else(tmp_path: Path) -> None:
    with _unwritable(tmp_path / "crash"), capture_logs() as logs:
        isolation = lives(tmp_path / "crash", Span(T0, 5, 70))
    assert {entry["event"] for entry in logs} >= {"records that end the process cannot be found"}
    assert known(isolation) == []


def test_without_a_folder_nothing_is_suspected() -> None:
    isolation = Isolation(None, CLOCK)
    isolation.journal.write([Span(T0, 5, 70)])
    assert not isolation.suspects


def test_ends_are_counted_and_narrow_the_suspicion_down(tmp_path: Path) -> None:
    assert known(lives(tmp_path, Span(T0, 0, 2000))) == [(0, 2000, 1, False)]
    assert known(lives(tmp_path, Span(T0, 37, 38))) == [(37, 38, 2, False)]
    isolation = lives(tmp_path, Span(T0, 37, 38))
    (suspect,) = isolation.suspects
    assert (suspect.count, suspect.runs_alone) == (3, True)
    isolation = lives(tmp_path, Span(T0, 37, 38), alone=True)
    (suspect,) = isolation.suspects
    assert (suspect.first, suspect.count, suspect.awaits_decision) == (37, 4, True)


def test_records_that_ran_together_are_all_suspects_and_only_one_that_ran_alone_is_blocked(tmp_path: Path) -> None:
    lives(tmp_path, Span(T0, 0, 100))
    both = [Span(T0, 7, 8), Span(T0, 9, 10)]
    isolation = lives(tmp_path, *both, times=2)
    assert sorted(known(isolation)) == [(7, 8, 3, False), (9, 10, 3, False)]
    isolation = lives(tmp_path, both[1], alone=True)
    assert sorted(known(isolation)) == [(7, 8, 3, False), (9, 10, 4, True)]


def test_one_that_is_never_alone_is_blocked_after_twice_as_many(tmp_path: Path) -> None:
    both = [Span(T0, 7, 8), Span(T0, 9, 10)]
    assert not any(s.blocked for s in lives(tmp_path, *both, times=5).suspects)
    assert all(s.blocked for s in lives(tmp_path, *both).suspects)


def test_progress_clears_the_count(tmp_path: Path) -> None:
    isolation = lives(tmp_path, Span(T0, 5, 70), Span(T1, 5, 70), times=2)
    isolation.pass_to({T0: 69})
    assert len(known(isolation)) == 2
    isolation.pass_to({T0: 70})
    assert known(isolation) == [(5, 70, 2, False)]
    assert known(Isolation(tmp_path, CLOCK)) == [(5, 70, 2, False)]


def test_a_record_that_is_done_clears_its_own_count_only(tmp_path: Path) -> None:
    isolation = lives(tmp_path, Span(T0, 5, 6), Span(T0, 7, 8), Span(T1, 0, 100))
    isolation.pass_at([(T0, 7), (T1, 0)])
    assert sorted(known(isolation)) == [(0, 100, 1, False), (5, 6, 1, False)]
    assert len(known(Isolation(tmp_path, CLOCK))) == 2


def test_an_end_while_no_record_runs_counts_nothing(tmp_path: Path) -> None:
    lives(tmp_path, Span(T0, 5, 6), times=2)
    for _ in range(5):
        isolation = Isolation(tmp_path, CLOCK)
        isolation.journal.write([Span(T0, 5, 6)])
        isolation.journal.idle()
    assert known(Isolation(tmp_path, CLOCK)) == [(5, 6, 2, False)]


def test_old_suspects_are_forgotten_unless_they_are_blocked(tmp_path: Path) -> None:
    clock = ManualClock()
    for alone, number in ((True, 1), (False, 2)):
        for _ in range(4 if alone else 1):
            Isolation(tmp_path, clock).journal.write([Span(T0, number, number + 1)], alone=alone)
    assert len(known(Isolation(tmp_path, clock))) == 2
    clock.move_to(25 * 3600)
    assert known(Isolation(tmp_path, clock)) == [(1, 2, 4, True)]


def test_a_decision_is_stored_before_its_dead_letter_is_made(tmp_path: Path) -> None:
    isolation = lives(tmp_path, Span(T0, 5, 6), alone=True, times=4)
    assert not isolation.decide(Skip("g", *T0, 6, "why", "ada"))
    assert isolation.decide(Skip("g", *T0, 5, "why", "ada"))
    assert not isolation.decide(Skip("g", *T0, 5, "again", "ada"))
    (suspect,) = Isolation(tmp_path, CLOCK).suspects
    assert (suspect.blocked, suspect.awaits_decision, suspect.skip) == (True, False, "why (ada)")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"[]", b"{}", b'{"group": 5}', b"[" * 100_000, json.dumps({"topic": "t"}).encode()]
)
def test_other_content_is_no_decision(raw: bytes) -> None:
    record = MemoryRecord("r", 0, 0, None, None, (("onex-skip", raw),), 0, COMMITTED)
    assert skip_in(record) is None
    assert skip_in(MemoryRecord("r", 0, 0, None, None, (), 0, COMMITTED)) is None


def test_a_decision_survives_the_wire() -> None:
    skip = Skip("g", *T0, 5, "why", "ada")
    assert skip_in(MemoryRecord("r", 0, 0, None, None, tuple(skip.headers()), 0, COMMITTED)) == skip


def test_a_blocked_partition_is_stopped_but_not_stalled() -> None:
    """Records that were read before are still committed, and neither a commit nor a wait unblocks it."""
    clock, health = ManualClock(), Health()
    blocked = BlockedPartitions(clock, health)
    blocked.block(T0, "why")
    blocked.stall([T0], RuntimeError("away"))
    clock.move_to(100.0)
    assert blocked.end_waits() == []
    blocked.clear([T0])
    assert (blocked.is_stopped(T0), list(health.snapshot().values())) == (True, ["why"])
    blocked.unblock(T0)
    assert (blocked.end_waits(), blocked.is_stopped(T0), blocked.is_stalled(T0), health.ready) == (
        [T0],
        False,
        False,
        True,
    )


def test_suspects_are_bounded_and_those_with_most_ends_stay(tmp_path: Path) -> None:
    worst = Span(T1, 1, 2)
    isolation = lives(tmp_path, worst, times=3)
    isolation.journal.write([Span(T0, n, n + 1) for n in range(1000)])
    every = list(Isolation(tmp_path, CLOCK).suspects)
    assert len(every) == 256
    assert Suspect(*worst, 3, CLOCK.now_ms()) in every


def test_a_call_into_c_that_keeps_the_interpreter_ends_the_process(tmp_path: Path) -> None:
    """An expression that backtracks for ever: no Python thread runs, not even the watchdog's."""
    script = (
        "import re, time; from onex.agent.process.watchdog.hang_alarm import HangAlarm; "
        "from onex.util.clock import SystemClock; HangAlarm(0.2, SystemClock()); "
        "re.match(r'(a+)+b', 'a' * 60)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"re/__init__.py" in ended.stderr, "it names where it hung"


def test_the_alarm_is_called_off_when_the_process_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[float, bool] | None] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda limit, exit: calls.append((limit, exit)))
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: calls.append(None))
    HangAlarm(180.0, CLOCK).stop()
    assert calls == [(181.0, True), None]


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> tuple[HangAlarm, ManualClock, list[int]]:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda limit, exit: None)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: None)
    clock = ManualClock()
    made = HangAlarm(180.0, clock)
    made.stop()  # the test looks
    return made, clock, codes


def test_a_call_into_c_that_does_not_return_ends_the_process_without_any_lag(
    alarm: tuple[HangAlarm, ManualClock, list[int]],
) -> None:
    watched, clock, codes = alarm
    calls = iter([1, 2, None, 3])
    watched.watch(lambda: next(calls, 3))
    for second in range(0, 181, 60):
        clock.move_to(second)
        watched.look()
    assert codes == []
    clock.move_to(361)
    watched.look()
    assert codes == [70]


def test_an_event_loop_that_turns_does_not_hang(alarm: tuple[HangAlarm, ManualClock, list[int]]) -> None:
    watched, clock, codes = alarm
    loop = asyncio.new_event_loop()
    watched.watch(LoopTurns(loop))
    for second in range(0, 1000, 100):
        clock.move_to(second)
        watched.look()
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert codes == []
    for second in range(1000, 1400, 100):
        clock.move_to(second)
        watched.look()
    assert codes == [70]
    loop.close()
    watched.watch(LoopTurns(loop))
    watched.look()
    assert codes == [70]
