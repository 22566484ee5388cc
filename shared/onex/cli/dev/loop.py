"""The loops of `onex dev`: one follows files until it is asked to stop, one ends after the tests."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from subprocess import Popen
from typing import Final, Protocol

from onex.cli.dev.checks import NO_TESTS
from onex.cli.dev.file_watch import FileWatch
from onex.cli.dev.rounds import Round, Rounds
from onex.cli.dev.stop_requests import StopRequests
from onex.cli.output import Exit

_TICK: Final = 0.05
_LOOK_INTERVAL, _SETTLE_INTERVAL = 0.2, 0.1
"""Seconds between two looks at the files; after a change, until a look that finds no other one."""


class Step(Protocol):
    """Something that the loop drives: it returns soon."""

    def step(self) -> None: ...


def follow(
    rounds: Rounds,
    watch: FileWatch,
    stop: StopRequests,
    steps: Sequence[Step] = (),
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Start a round for each change, and drive the steps, until there is a request to stop."""
    looked_at = time.monotonic()
    while not stop.is_asked:
        if time.monotonic() - looked_at >= (_SETTLE_INTERVAL if watch.is_settling else _LOOK_INTERVAL):
            looked_at = time.monotonic()
            if files := watch.look():
                rounds.changed(files)
        rounds.step()
        for step in steps:
            step.step()
        wait(_TICK)


def run_once(
    rounds: Rounds,
    start_tests: Callable[[], "Popen[bytes]"],
    start_status: Callable[[], Round],
    report: Callable[[str], None],
    stop: StopRequests,
) -> int:
    """Start everything, run the tests, and look whether all agents are still ready. Return the exit code."""
    while not rounds.is_idle:
        if stop.is_asked:
            return Exit.FAILED
        rounds.step()
        time.sleep(_TICK)
    if rounds.code:
        return rounds.code
    tests = start_tests()
    try:
        while (code := tests.poll()) is None:
            if stop.is_asked:
                return Exit.FAILED
            time.sleep(_TICK)
    finally:
        end(tests)
    status = start_status()
    while (unready := status.poll()) is None and not stop.is_asked:
        for line in status.lines():
            report(line)
        time.sleep(_TICK)
    for line in status.lines():
        report(line)
    words = {Exit.OK: "passed", NO_TESTS: "none found"}.get(code, f"failed (exit code {code})")
    report(f"tests: {words}; agents: {'ready' if unready == Exit.OK else 'not all ready'}")
    return Exit.OK if code in (Exit.OK, NO_TESTS) and unready == Exit.OK else Exit.FAILED


def end(process: "Popen[bytes]") -> None:
    """End a process and what it started, if it runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
