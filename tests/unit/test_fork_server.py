"""Programs that are forked: what they find, what they leave, and what becomes of them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from onex.util import fork_server
from onex.util.fork_server import ForkServer, Program
from tests.conftest import eventually

_CODE = """
import json, os, random, sys, threading
def main():
    print(json.dumps({
        "arguments": sys.argv, "environment": dict(os.environ), "input": sys.stdin.read(), "random": random.random(),
        "leads": os.getsid(0) == os.getpid(), "threads": threading.active_count(),
        "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
    }))
    sys.stdout.flush()
    return {"wait": lambda: threading.Event().wait() and 0, "fail": lambda: 3}.get(sys.argv[1], lambda: None)()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("programs")
    (made / "forked_program.py").write_text(_CODE)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ForkServer]:
    made = ForkServer(["random"], [str(folder), *sys.path])
    yield made
    made.close()


def program(tmp_path: Path, argument: str, environment: Mapping[str, str] | None = None, **more: object) -> Program:
    out = str(tmp_path / "out")
    made = Program("forked_program", [argument], environment or {}, stdout=out, stderr=out)
    return made._replace(**more)  # type: ignore[arg-type]


def test_a_program_has_what_it_is_given_and_nothing_of_its_server(
    server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_text("asked")
    process = server.start(program(tmp_path, "end", {"NAME": "value"}, stdin=str(tmp_path / "in")))
    assert process.wait(30) == 0
    first = json.loads((tmp_path / "out").read_text())
    assert (first["arguments"], first["input"], first["leads"]) == (["forked_program", "end"], "asked", True)
    assert first["environment"] == {"NAME": "value"}
    assert (first["threads"], first["files"]) == (1, [0, 1, 2])
    assert server.start(program(tmp_path, "end")).wait(30) == 0
    second = json.loads((tmp_path / "out").read_text().splitlines()[1])  # the file grows
    assert (second["input"], second["environment"]) == ("", {})
    assert first["random"] != second["random"]


def test_ends_are_told_as_a_popen_does(server: ForkServer, tmp_path: Path) -> None:
    failed = server.start(program(tmp_path, "fail"))
    assert (failed.wait(30), failed.poll(), failed.returncode) == (3, 3, 3)
    waits = server.start(program(tmp_path, "wait"))
    assert waits.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        waits.wait(0.05)
    waits.kill()
    assert waits.wait(30) == -signal.SIGKILL
    waits.send_signal(signal.SIGTERM)  # it has ended: nothing happens


def test_a_program_leads_its_group_as_soon_as_it_is_started(server: ForkServer, tmp_path: Path) -> None:
    """Otherwise a kill of the group, right after the start, would find none."""
    for _ in range(20):
        process = server.start(program(tmp_path, "wait"))
        assert os.getpgid(process.pid) == process.pid
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL


def test_only_what_is_tied_ends_with_the_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    server = ForkServer([])
    tied = server.start(program(tmp_path, "wait", tied=True))
    free = server.start(program(tmp_path, "wait", title="onex run something"))
    try:
        eventually(lambda: (tmp_path / "out").read_text().count("\n") == 2)
        assert psutil.Process(free.pid).cmdline()[0] == "onex run something"
        server.close()
        eventually(lambda: not psutil.pid_exists(tied.pid) or psutil.Process(tied.pid).status() == "zombie")
        assert psutil.Process(free.pid).status() != "zombie"
    finally:
        os.kill(free.pid, signal.SIGKILL)


_FORKING = """
import sys
from onex.util.fork_server import Program, inherited
def main():
    import colorsys  # as a node that a command reads
    return inherited().start(Program("reporting", [], {}, stdout=sys.argv[1])).wait(30)
"""
_REPORTING = """
import sys
def main():
    from onex.util.fork_server import inherited
    print("colorsys" in sys.modules, inherited())
"""


def test_a_program_starts_others_that_have_nothing_of_what_it_imports(
    folder: Path, server: ForkServer, tmp_path: Path
) -> None:
    (folder / "forking_program.py").write_text(_FORKING)
    (folder / "reporting.py").write_text(_REPORTING)
    out = str(tmp_path / "second")
    process = server.start(program(tmp_path, out, module="forking_program", forks=True))
    assert process.wait(30) == 0, (tmp_path / "out").read_text()
    assert Path(out).read_text() == "False None\n"


def test_a_server_that_has_ended_is_an_error(tmp_path: Path) -> None:
    server = ForkServer(["no_such_module"], [*sys.path])
    with pytest.raises(OSError, match="the process that starts others ended with 1"):
        server.start(program(tmp_path, "end"))
    server.close()


def test_a_process_ends_while_a_child_that_it_has_forked_continues() -> None:
    """It has no copy of a connection to a server, which would keep the server alive, and its parent waiting."""
    program = (
        "from onex.util.fork_server import ForkServer\n"
        "import os, sys\n"
        "from onex.util import fork_server\n"
        "fork_server._LONGEST_END = 1e6\n"
        "server = ForkServer([])\n"
        "if os.fork() == 0:\n    sys.exit(sys.stdin.read())\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=env, stdin=subprocess.PIPE) as process:
        assert process.wait(60) == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the child has one thread
def test_a_server_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something has a copy of its connection, so that it never reads the end of it."""
    monkeypatch.setattr(fork_server, "_LONGEST_END", 0.01)
    server = ForkServer([])
    copy = os.dup(server._connection.fileno())
    server.close()
    os.close(copy)
    assert server._process.returncode == -signal.SIGKILL

    monkeypatch.setattr(fork_server, "_inherited", [])
    connection = fork_server._split()
    if connection is not None:  # the server
        signal.pause()
    (server,) = fork_server._inherited
    server.close()
    assert server._process.returncode == -signal.SIGKILL


def test_a_process_leaves_no_server_behind() -> None:
    """An interpreter that warns of resources would say that a process is still running."""
    program = (
        "from onex.sandbox.servers import SERVERS\n"
        "from onex.util.fork_server import ForkServer, Program\n"
        "import os, sys\n"
        "servers = [ForkServer([]), ForkServer([])]\n"
        "servers[1].close()\n"
        "SERVERS.start([], sys.path, Program('platform', [], {}, stdout='/dev/null'))\n"
        "if os.fork() == 0:\n    sys.exit()  # the servers are those of its parent\n"
        "os.wait()\n"
        "print([server.start(Program('platform', [], {})).pid > 0 for server in servers[:1]])\n"
    )
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", program]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, "ResourceWarning" in done.stderr) == (0, "[True]\n", False), done.stderr
