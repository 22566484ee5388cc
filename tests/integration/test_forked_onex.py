"""The forked command is what a shell sees of the real one: streams, folder, variables, signals, exit code."""

import fcntl
import marshal
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.conftest import ROOT, eventually
from tests.integration.forked_onex import onex_folder

_SEND = ("send", "orders.place-order", "--services", "examples/orders")
"""It waits for a message on its standard input."""


_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""A test run under ``nohup`` ignores one of them, and so would what it starts."""


def _disposition(number: signal.Signals, ignored: Sequence[signal.Signals]) -> signal.Handlers:
    return signal.SIG_IGN if number in ignored else signal.SIG_DFL


def _start(arguments: Sequence[str], ignored: Sequence[signal.Signals] = ()) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(onex_folder() / "onex"), *arguments],
        cwd=ROOT,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "localhost:1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(number, _disposition(number, ignored)) for number in _SIGNALS],
    )


def _commands() -> set[int]:
    """Pids of commands that have become what their callers are: they lead sessions."""
    return {child.pid for child in psutil.Process().children(recursive=True) if os.getsid(child.pid) == child.pid}


def _unread(pipe: IO[str]) -> int:
    """Return the number of bytes that are in a pipe."""
    size = fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(size, sys.byteorder)


@pytest.fixture
def command(before: set[int]) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A caller, and the pid of its command, which has read the beginning of its input and waits for the rest."""
    caller = _start(_SEND)
    assert caller.stdin is not None
    print("[", end="", file=caller.stdin, flush=True)
    (pid,) = eventually(lambda: _commands() - before)
    eventually(lambda: caller.stdin is not None and not _unread(caller.stdin), what="the command reads its input")
    yield caller, pid
    caller.kill()
    caller.communicate()


@pytest.fixture
def before() -> set[int]:
    onex_folder()
    return _commands()


def test_streams_folder_and_exit_code(tmp_path: Path) -> None:
    def validated(folder: Path) -> "subprocess.CompletedProcess[str]":
        command = [str(onex_folder() / "onex"), "contract", "validate", "services"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    here, there = validated(ROOT), validated(tmp_path)
    assert (here.returncode, here.stderr) == (0, "")
    assert "contracts valid" in here.stdout
    assert (there.returncode, there.stdout) == (3, "")
    assert "no contract.yaml here" in there.stderr


def test_variables_and_input() -> None:
    caller = _start(_SEND)
    output, problem = caller.communicate("[]")
    assert (caller.returncode, output) == (4, "")
    assert "no Kafka broker answers at localhost:1:" in problem


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_and_its_caller(
    command: tuple["subprocess.Popen[str]", int], number: signal.Signals
) -> None:
    caller, pid = command
    caller.send_signal(number)
    assert caller.wait(30) == -number
    assert not psutil.pid_exists(pid)


def test_an_interruption_is_one_of_the_command(command: tuple["subprocess.Popen[str]", int]) -> None:
    caller, _ = command
    caller.send_signal(signal.SIGINT)
    assert caller.wait(30) == 130


def test_the_command_ends_with_a_caller_that_is_killed(command: tuple["subprocess.Popen[str]", int]) -> None:
    caller, pid = command
    caller.kill()
    eventually(lambda: not psutil.pid_exists(pid))


@pytest.mark.parametrize("sent", ["nothing", "a part", "all"])
def test_a_caller_that_leaves_early_ends_no_other(sent: str, before: set[int]) -> None:
    request = marshal.dumps((["--version"], str(ROOT), dict(os.environ), []))
    with socket.socket(socket.AF_UNIX) as caller, Path(os.devnull).open("r+b") as null:
        caller.connect(str(onex_folder() / "socket"))
        if sent != "nothing":
            socket.send_fds(caller, [struct.pack("=i", len(request))], [null.fileno()] * 3)
            caller.sendall(request if sent == "all" else request[:9])
    after = subprocess.run([str(onex_folder() / "onex"), "--version"], capture_output=True, check=False)
    assert (after.returncode, after.stderr) == (0, b"")
    eventually(lambda: _commands() == before)


def test_a_signal_that_the_caller_ignores_the_command_ignores(before: set[int]) -> None:
    caller = _start(_SEND, [signal.SIGINT])
    for pid in {caller.pid, *eventually(lambda: _commands() - before)}:
        os.kill(pid, signal.SIGINT)
    assert "no Kafka broker answers" in caller.communicate("[]")[1]
    assert caller.returncode == 4
