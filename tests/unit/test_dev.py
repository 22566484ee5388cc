"""What `onex dev` watches, starts, shows and leaves; its commands are scripted here."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen

import pytest

from onex.cli.dev.checks import command_of_tests, start_tests
from onex.cli.dev.child import Child
from onex.cli.dev.command import _report_if_possible
from onex.cli.dev.display import PlainDisplay, excerpt_of, log_endings, names_of
from onex.cli.dev.file_watch import FileWatch
from onex.cli.dev.loop import follow, run_once
from onex.cli.dev.modules import SharedModules
from onex.cli.dev.rounds import Rounds, Stage
from onex.cli.dev.shutdown import stop_everything
from onex.cli.dev.stop_requests import StopRequests
from onex.cli.output import CommandError, Exit
from onex.cli.stack.down import kill_stack
from onex.cli.stack.lock import dev_lock, stack_lock
from onex.cli.stack.stack_file import AgentNote, Stack, write_stack
from onex.errors import ConfigurationError
from onex.local.process import started_at
from onex.settings import Settings
from onex.util.fork_server import ForkServer
from tests.conftest import eventually
from tests.unit.dev_rounds import FakeRound

# -- files --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "services" / "node_a" / "v1_0_0"
    made.mkdir(parents=True)
    (made / "node.py").write_text("one")
    return made


def test_changes_are_reported_once_when_they_have_ended(folder: Path) -> None:
    watch = FileWatch(lambda: [folder.parent.parent])
    assert watch.look() == []
    (folder / "node.py").write_text("three")
    assert watch.look() == [], "an editor may not be done"
    (folder / "contract.yaml").write_text("name: x")
    assert watch.look() == []
    assert watch.look() == [folder / "contract.yaml", folder / "node.py"]
    assert watch.look() == []
    (folder / "node.py").unlink()
    assert (watch.look(), watch.look()) == ([], [folder / "node.py"])


@pytest.mark.parametrize("name", ["cases.yaml", ".node.py.swp", "node.py~", "#node.py#", "__pycache__/node.pyc"])
def test_files_that_agents_do_not_read_are_no_change(folder: Path, name: str) -> None:
    watch = FileWatch(lambda: [folder.parent.parent])
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("new")
    assert (watch.look(), watch.look()) == ([], [])


def test_a_file_that_is_watched_from_now_on_has_not_changed(folder: Path, tmp_path: Path) -> None:
    shared = tmp_path / "rules.py"
    shared.write_text("one")
    roots = [folder]
    watch = FileWatch(lambda: roots)
    roots.append(shared)
    assert (watch.look(), watch.look()) == ([], [])
    shared.write_text("other")
    assert (watch.look(), watch.look()) == ([], [shared])


def test_modules_of_running_agents_are_watched(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    modules = SharedModules(settings)
    assert modules() == ()
    note = AgentNote(pid=1, started=1.0, node="a", modules=(tmp_path / "rules.py",))
    write_stack(settings, Stack(agents=(note,)))
    assert modules() == (tmp_path / "rules.py",)
    write_stack(settings, Stack())
    os.utime(tmp_path / "stack.json", ns=(1, 1))
    assert modules() == (tmp_path / "rules.py",), "the correction of a wrong module is a change"


# -- rounds -------------------------------------------------------------------------------------


class World:
    """Rounds, and what becomes visible of them."""

    def __init__(self, *, servers_first: bool = True) -> None:
        self.started: list[tuple[bool, FakeRound]] = []
        self.seen: list[object] = []
        self.rounds = Rounds(self.start, self, servers_first=servers_first)

    def start(self, *, agents: bool) -> FakeRound:
        self.started.append((agents, FakeRound()))
        return self.started[-1][1]

    def changed(self, files: Sequence[Path]) -> None:
        self.seen.append(("changed", *map(str, files)))

    def line(self, text: str) -> None:
        self.seen.append(text)

    def succeeded(self) -> None:
        self.seen.append("succeeded")

    def failed(self, code: int, lines: Sequence[str], *, agents_run: bool) -> None:
        self.seen.append(("failed", code, list(lines), agents_run))

    def end(self, code: int, *lines: str) -> None:
        """End the current round."""
        self.started[-1][1].end(code, *lines)
        self.rounds.step()

    def running(self) -> "World":
        """Have agents."""
        self.rounds.step()
        self.end(0)
        self.end(0)
        assert self.rounds.stage is Stage.RUNNING
        self.seen.clear()
        return self


def test_servers_start_in_a_round_of_their_own() -> None:
    world = World()
    world.rounds.step()
    world.end(0, "Kafka ready")
    assert [agents for agents, _ in world.started] == [False, True]
    world.rounds.step()
    world.end(0, "1 agents ready")
    assert world.seen == ["Kafka ready", "1 agents ready", "succeeded"]
    assert (world.rounds.is_idle, world.rounds.code) == (True, 0)


def test_a_wrong_contract_leaves_the_agents_and_waits_for_a_change() -> None:
    world = World().running()
    world.rounds.changed([Path("contract.yaml")])
    world.rounds.step()
    world.end(Exit.CONTRACT, "error contract.yaml:3: x: y")
    world.rounds.step()
    assert len(world.started) == 3, "it is not tried again by itself"
    assert world.seen == [
        ("changed", "contract.yaml"),
        "error contract.yaml:3: x: y",
        ("failed", 3, ["error contract.yaml:3: x: y"], True),
    ]
    world.rounds.changed([Path("contract.yaml")])
    world.rounds.step()
    world.end(0)
    assert world.seen[-1] == "succeeded"


def test_without_agents_a_failure_reports_that_none_run() -> None:
    world = World()
    world.rounds.step()
    world.end(Exit.CONTRACT)
    assert (world.seen, world.rounds.stage) == ([("failed", 3, [], False)], Stage.SERVERS)
    world.rounds.changed([])
    world.rounds.step()
    assert [agents for agents, _ in world.started] == [False, False], "the servers were stopped again"


def test_a_change_during_a_round_undoes_it_and_starts_another() -> None:
    world = World().running()
    world.rounds.changed([Path("a")])
    world.rounds.step()
    world.rounds.changed([Path("b")])
    world.rounds.changed([Path("c")])
    assert world.started[-1][1].interrupted == 1
    world.rounds.step()
    assert len(world.started) == 3, "two rounds would hold the same lock"
    world.end(130, "interrupted: what was started is stopped again")
    assert len(world.started) == 4
    assert world.seen == [("changed", "a"), ("changed", "b"), ("changed", "c")]
    world.end(0)
    assert world.seen[-1] == "succeeded"


def test_a_change_while_servers_start_does_not_stop_them() -> None:
    world = World()
    world.rounds.step()
    world.rounds.changed([Path("a")])
    assert world.started[0][1].interrupted == 0


# -- the end ------------------------------------------------------------------------------------


def test_the_end_undoes_the_round_and_runs_down() -> None:
    world = World().running()
    world.rounds.changed([])
    world.rounds.step()
    current, down = world.started[-1][1], FakeRound()
    current.end(130, "interrupted")
    down.end(0, "stopped 1 agents, Kafka")
    shown: list[str] = []
    assert (
        stop_everything(world.rounds, lambda: down, lambda: shown.append("killed"), shown.append, StopRequests()) == 0
    )
    assert (current.interrupted, shown) == (1, ["stopped 1 agents, Kafka"])


def test_a_second_request_kills() -> None:
    killed, shown = list[str](), list[str]()
    with StopRequests() as stop:
        before = signal.getsignal(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (stop.is_asked, stop.is_urgent) == (True, False)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_urgent
    assert signal.getsignal(signal.SIGTERM) != before
    world = World().running()
    down = FakeRound()
    assert stop_everything(world.rounds, lambda: down, lambda: killed.append("stack"), shown.append, stop) == 1
    assert (killed, down.killed) == (["stack"], 1)
    assert shown == ["stopping: agents drain; Ctrl-C kills what still runs"]
    world.rounds.changed([])
    world.rounds.step()
    assert stop_everything(world.rounds, lambda: down, lambda: killed.append("stack"), shown.append, stop) == 1
    assert (killed, world.started[-1][1].killed) == (["stack", "stack"], 1)


def test_a_killed_stack_leaves_nothing(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(99)"
    command = [sys.executable, "-S", "-c", ignoring]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) for _ in range(2)]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        agent, kafka = (AgentNote(pid=each.pid, started=started_at(each.pid), node="a") for each in processes)
        write_stack(settings, Stack(kafka=kafka, agents=(agent,)))
        kill_stack(settings)
        assert [process.wait(10) for process in processes] == [-signal.SIGKILL] * 2
        assert not (tmp_path / "stack.json").exists()
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_changes_are_followed_until_there_is_a_request(folder: Path) -> None:
    world, stop = World().running(), StopRequests()
    watch = FileWatch(lambda: [folder])
    (folder / "node.py").write_text("changed")
    ticks: list[float] = []

    def wait(seconds: float) -> None:
        ticks.append(seconds)
        if len(world.started) > 2:
            stop.ask()

    follow(world.rounds, watch, stop, wait=wait)
    assert world.seen == [("changed", str(folder / "node.py"))]


# -- once ---------------------------------------------------------------------------------------


def exiting(code: int) -> Callable[[], "Popen[bytes]"]:
    return lambda: start_tests([sys.executable, "-S", "-c", f"raise SystemExit({code})"], Path.cwd())


@pytest.mark.parametrize(
    ("tests", "status", "code", "summary"),
    [
        (0, 0, 0, "tests: passed; agents: ready"),
        (5, 0, 0, "tests: none found; agents: ready"),
        (1, 0, 1, "tests: failed (exit code 1); agents: ready"),
        (0, 1, 1, "tests: passed; agents: not all ready"),
    ],
)
def test_once_ends_with_what_tests_and_agents_say(tests: int, status: int, code: int, summary: str) -> None:
    world, shown, asked = World(servers_first=False), list[str](), FakeRound()
    asked.end(status, "NODE STATE")

    class Ending(StopRequests):
        @property
        def is_asked(self) -> bool:
            world.started[-1][1].end(0) if world.started else None
            return False

    assert run_once(world.rounds, exiting(tests), lambda: asked, shown.append, Ending()) == code
    assert shown == ["NODE STATE", summary]
    assert [agents for agents, _ in world.started] == [True]


def test_once_ends_with_the_code_of_a_start_that_fails() -> None:
    world = World(servers_first=False)
    world.rounds.step()
    world.end(Exit.CONTRACT)
    assert run_once(world.rounds, pytest.fail, pytest.fail, pytest.fail, StopRequests()) == Exit.CONTRACT


def test_once_ends_the_tests_when_it_is_asked_to_stop() -> None:
    world, stop, made = World(servers_first=False), StopRequests(), list["Popen[bytes]"]()
    world.rounds.step()
    world.end(0)

    def start() -> "Popen[bytes]":
        made.append(subprocess.Popen(["sleep", "1000"], start_new_session=True))
        stop.ask()
        return made[0]

    assert run_once(world.rounds, start, pytest.fail, pytest.fail, stop) == Exit.FAILED
    assert made[0].returncode == -signal.SIGKILL


def test_tests_of_a_project_run_or_golden_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = [tmp_path / "services"]
    cases = command_of_tests(tmp_path, services, only_nodes=False)
    assert cases[-1] == str(services[0])
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntestpaths = ['tests']\n")
    assert command_of_tests(tmp_path, services, only_nodes=False) == [sys.executable, "-m", "pytest", "-q"]
    assert command_of_tests(tmp_path, services, only_nodes=True) == cases
    (tmp_path / "pyproject.toml").write_text("[tool")
    assert command_of_tests(tmp_path, services, only_nodes=False) == cases
    monkeypatch.setattr("onex.cli.dev.checks.find_spec", lambda _: None)
    with pytest.raises(CommandError, match="install `pytest"):
        command_of_tests(tmp_path, services, only_nodes=False)


# -- what is shown ------------------------------------------------------------------------------


def test_an_error_has_the_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text("name: x\ninptu_model: \x1b[1mGreet\n")
    assert excerpt_of(f"error {file}:2: inptu_model: unknown key") == "2 | inptu_model: \\u001b[1mGreet"
    assert excerpt_of(f"error {file}:9: x: y") == ""
    assert excerpt_of(f"error {tmp_path / 'gone'}:1: x: y") == ""
    assert excerpt_of("2 topics created") == ""
    assert excerpt_of(f"error {file}:0: name: cannot import") == ""


def test_a_failure_has_the_ends_of_the_logs_that_it_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "node_a.0.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    line = f"error agents ended while they started: node_a (1); see {log}"
    assert log_endings([line]) == [(log, [f"line {number}" for number in range(92, 100)])]
    PlainDisplay(follows=True).failed(4, [line], agents_run=True)
    shown = capsys.readouterr()
    assert "line 99" in shown.out
    assert "not reloaded (exit code 4): the agents before it continue to run" in " ".join(shown.err.split())


def test_names_of_many_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert names_of([tmp_path / f"{number}.py" for number in range(7)]) == "0.py, 1.py, 2.py, 3.py, 4.py and 2 more"
    assert names_of([Path("/x\n/y")]) == "/x\\n/y"


# -- commands that are forked -------------------------------------------------------------------


def test_a_command_has_its_output_as_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server = ForkServer(["onex.cli.main"])
    try:
        child = Child(server, ["--version"])
        lines: list[str] = []
        while child.poll() is None:
            lines += child.lines()
        lines += child.lines()
        assert (len(lines), child.poll(), child.lines()) == (1, 0, []), "\n".join(lines)
        child = Child(server, ["no-such-command"])
        child.kill()
        eventually(lambda: child.poll() is not None, what="its end")
        assert list(tmp_path.iterdir()) == [], "nothing is left"
    finally:
        server.close()


def test_a_line_that_is_too_long_hides_none_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.cli.dev.child._LARGEST", 8)
    child = Child.__new__(Child)
    child._unread = b""
    chunks = [b"one\ntw", b"o\n", b"x" * 20, b"y" * 20, b"z\nthree\n", b"rest"]
    assert [line for chunk in chunks for line in child._lines_with(chunk)] == [b"one", b"two", b"x" * 8, b"three"]
    assert child._unread == b"rest"


def test_a_reload_that_succeeded_before_its_interrupt_counts() -> None:
    world = World()
    world.rounds.step()
    world.end(0)
    current = world.started[-1][1]
    world.rounds.changed([])
    current.end(0)
    world.rounds.step()
    assert world.rounds.stage is Stage.RUNNING
    assert world.started[-1][1] is not current, "the change starts another round"


def test_everything_stops_when_the_terminal_is_gone() -> None:
    told: list[str] = []

    def gone(line: str) -> None:
        told.append(line)
        raise OSError(5, "Input/output error")

    _report_if_possible(gone, "stopping")
    assert told == ["stopping"]


def test_a_folder_has_one_dev_which_does_not_lock_up(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    with dev_lock(settings):
        with (
            pytest.raises(ConfigurationError, match=f"another `onex dev` .process {os.getpid()}"),
            dev_lock(settings),
        ):
            pass
        with stack_lock(settings):
            pass
