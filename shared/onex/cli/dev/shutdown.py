"""The end of `onex dev`: everything that it started stops."""

import time
from collections.abc import Callable
from typing import Final

from onex.cli.dev.rounds import Round, Rounds
from onex.cli.dev.stop_requests import StopRequests
from onex.cli.output import Exit

_TICK: Final = 0.05


def stop_everything(
    rounds: Rounds,
    start_down: Callable[[], Round],
    kill: Callable[[], None],
    report: Callable[[str], None],
    stop: StopRequests,
) -> int:
    """Undo the current round, then run `onex down`. A second request to stop kills instead.

    Return 0 when all ended by themselves.
    """
    if stop.is_asked:
        report("stopping: agents drain; Ctrl-C kills what still runs")
    while not rounds.stop():
        if stop.is_urgent:
            rounds.kill()
            kill()
            return Exit.FAILED
        time.sleep(_TICK)
    down = start_down()
    while (code := down.poll()) is None:
        if stop.is_urgent:
            down.kill()
            kill()
            return Exit.FAILED
        _report_lines(down, report)
        time.sleep(_TICK)
    _report_lines(down, report)
    return code


def _report_lines(child: Round, report: Callable[[str], None]) -> None:
    """Report what a command wrote: it waits when nothing reads its output."""
    for line in child.lines():
        report(line)
