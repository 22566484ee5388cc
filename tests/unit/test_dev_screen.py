"""What `onex dev` shows of a mesh that runs, and what its keys do."""

import io
import json
import os
import pty
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from onex.cli.dev.agent_log import AgentLog
from onex.cli.dev.endings import Endings
from onex.cli.dev.live_roster import LiveRoster
from onex.cli.dev.plain_steps import DeadLetterLines, LogLines
from onex.cli.dev.resend import Resend
from onex.cli.dev.screen import Screen
from onex.cli.keys import terminal_keys
from onex.cli.messages.last_command import LastCommand, last_command, note_command
from onex.cli.roster import RosterRow
from onex.cli.stack.stack_file import AgentNote, Stack, write_stack
from onex.settings import Settings
from tests.unit.dev_rounds import FakeRound


def sample(node: str, *, rate: float = 0.0, lag: int = 0, dead: int = 0, paused: bool = False) -> dict[str, object]:
    return {
        "node": node,
        "kind": "compute",
        "instances": ["1"],
        "rate": rate,
        "lag": lag,
        "dead_letters": dead,
        "state": "active",
        "paused": paused,
        "health": "healthy",
    }


def row(node: str, **numbers: int) -> RosterRow:
    return RosterRow.model_validate(sample(node, **numbers))  # type: ignore[arg-type]  # of the fields


def test_the_roster_is_read_again_after_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    started, rounds, now = list[FakeRound](), [0], [1000.0]
    monkeypatch.setattr("onex.cli.dev.live_roster.time.monotonic", lambda: now[0])

    def start() -> FakeRound:
        started.append(FakeRound())
        return started[-1]

    roster = LiveRoster(start, lambda: rounds[0])
    roster.step()
    assert started == [], "no contract is known to be right"
    rounds[0] = 1
    roster.step()
    started[0].said = [json.dumps([sample("a", lag=3)]), json.dumps([sample("a", lag=4)])]
    roster.step()
    assert [each.lag for each in roster.rows] == [4]
    rounds[0] = 2
    roster.step()
    assert (len(started), started[0].killed) == (2, 1)
    assert [each.lag for each in roster.rows] == [4], "until there are others"
    started[1].end(4, "error no broker answers")
    roster.step()
    roster.step()
    assert (len(started), roster.remark) == (2, "error no broker answers")
    now[0] += 6
    roster.step()
    assert len(started) == 3, "the broker may be back"
    roster.stop()
    assert started[2].killed == 1


def test_more_dead_letters_are_a_line() -> None:
    rows, shown = [row("a", dead=7)], list[str]()
    lines = DeadLetterLines(lambda: rows, shown.append)
    lines.step()
    lines.step()
    assert shown == [], "those of earlier days"
    rows[:] = [row("a", dead=9, lag=2)]
    lines.step()
    lines.step()
    assert shown == [
        "warning a: 9 dead letters (+2), lag 2, 0.0/s; `onex dlq list --node a` shows them",
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A stack with an agent that logs."""
    made = Settings.load(home=tmp_path)
    note = AgentNote(pid=os.getpid(), started=1.0, node="a", number=1)
    write_stack(made, Stack(kafka_bootstrap_servers="k:1", kafka=note, agents=(note,)))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.0.log").write_text("of the agent before\n")
    (tmp_path / "logs" / "a.1.log").write_text(
        '{"event": "ran", "level": "info", "timestamp": "2026-01-02T03:04:05Z",'
        ' "node": "a", "key": 7}\nno json \x1b[1m\n'
    )
    return made


def test_the_log_is_that_of_the_newest_agent(settings: Settings) -> None:
    log = AgentLog(settings)
    assert log.nodes() == ["a"]
    assert log.ending("a", 5) == ["03:04:05 info    ran  key=7", "no json \\u001b[1m"]
    assert log.ending("a", 1) == ["no json \\u001b[1m"]
    assert (log.ending("a", 0), log.ending("b", 5)) == ([], [])
    shown: list[str] = []
    lines = LogLines(log, "a", shown.append)
    lines.step()
    with (settings.home / "logs" / "a.1.log").open("a") as file:
        file.write("more\n")
    (settings.home / "logs" / "a.2.log").write_text("of the next agent\n")
    lines.step()
    lines.step()
    assert shown == ["log a  more", "log a  of the next agent"]
    for part in ("ha", "lf\nlast"):
        with (settings.home / "logs" / "a.2.log").open("a") as file:
            file.write(part)
        lines.step()
    assert shown[2:] == ["log a  half"], "a line is shown when it is whole"


def test_an_agent_that_ends_by_itself_is_reported_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, now, idle = list[str](), [10.0], [False]
    monkeypatch.setattr("onex.cli.dev.endings.time.monotonic", lambda: now[0])
    endings = Endings(settings, lambda: idle[0], shown.append)
    endings.step()
    assert shown == [], "a round stops agents"
    idle[0] = True
    for _ in range(2):
        now[0] += 2
        endings.step()
    log = settings.home / "logs" / "a.1.log"
    assert shown == [
        f"error a (process {os.getpid()}) has ended; save a file of it, or press u, to start it again; see {log}"
    ]


def test_the_last_command_is_sent_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, started = list[str](), list[tuple[Sequence[str], str, FakeRound]]()

    def start(arguments: Sequence[str]) -> FakeRound:
        started.append((arguments, Path(arguments[2].removeprefix("@")).read_text(), FakeRound()))
        return started[-1][2]

    resend = Resend(settings, start, shown.append)
    resend.send()
    assert (started, shown.pop()[:10]) == ([], "no command")
    command = LastCommand(command="shop.greet", payload='{"name": "Ada"}', key="k", headers=("a=b",))
    note_command(settings, command)
    assert last_command(settings) is None, "another cluster: it may be no one's to send to again"
    local = settings.model_copy(update={"kafka_bootstrap_servers": "k:1"})
    note_command(local, command)
    assert (settings.home / "last-command.json").stat().st_mode & 0o777 == 0o600
    resend.send()
    resend.send()
    assert [(arguments[:2], payload) for arguments, payload, _ in started] == [
        (["send", "shop.greet"], command.payload)
    ]
    assert list(started[0][0][3:]) == ["--wait", "--timeout", "20", "--key", "k", "--header", "a=b"]
    started[0][2].end(0, "  0.1 Greeted")
    resend.step()
    assert shown == ["send shop.greet", "  0.1 Greeted"]
    assert not Path(started[0][0][2].removeprefix("@")).exists()
    resend.send()
    assert len(started) == 2
    resend.stop()
    (settings.home / "last-command.json").write_text("[]")
    assert last_command(settings) is None


def drawn(screen: Screen, width: int = 100, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    console.print(screen.drawing(width, height))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_screen_has_roster_problems_and_the_log_of_the_chosen_node(settings: Settings, tmp_path: Path) -> None:
    rows, remarks = [row("a", lag=1), row("b", lag=5)], ["no broker answers"]
    screen = Screen(lambda: rows, AgentLog(settings), remark=lambda: remarks[0])
    assert "roster: no broker answers" in drawn(screen)
    remarks[0] = ""
    lines = drawn(screen)
    assert not [line for line in lines if line.startswith("roster")]
    assert lines[0].startswith("onex dev  2 nodes  2 processes  0/s  6 behind")
    assert [line.split()[0] for line in lines[3:5]] == ["a", "b"]
    assert "log of a" in lines
    assert "03:04:05 info    ran  key=7" in lines
    screen.press("l")
    screen.press("down")
    lines = drawn(screen)
    assert [line.split()[0] for line in lines[3:5]] == ["b", "a"]
    assert "log of b" in lines, "the one after the last is the first"
    contract = tmp_path / "contract.yaml"
    contract.write_text("inptu_model: x\n")
    error = f"error {contract}:1: inptu_model: unknown key; did you mean `input_model`?"
    screen.failed(3, ["PostgreSQL ready", error], agents_run=True)
    text = "".join(drawn(screen, width=60))
    assert error.replace(" ", "") in text.replace(" ", ""), "no part of an error is cut"
    assert "1 | inptu_model: x" in text
    assert "PostgreSQL" not in text
    screen.succeeded()
    assert "unknown key" not in "".join(drawn(screen))
    assert len(drawn(screen, height=12)) <= 12


def test_keys_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    main, other = pty.openpty()
    with os.fdopen(other, "r") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        before = termios.tcgetattr(other)
        with terminal_keys() as key:
            os.write(main, b"q\x1b[A\x1b[B\x1bs")
            assert [key(1.0) for _ in range(4)] == ["q", "up", "down", "\x1bs"]
            assert key(0.0) == ""
        assert termios.tcgetattr(other) == before
    os.close(main)
