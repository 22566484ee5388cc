"""Long changes: interrupted by Ctrl-C between two steps, with a bar on a terminal."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.control import Control
from rich.segment import ControlType

from onex.cli.output import errors

_WIDTH = 20
_SHOWN_FROM = 100
"""Items from which a bar is shown."""


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM arrived. Neither ends the block by itself."""
    stopping = list[int]()
    before = {s: signal.signal(s, lambda number, _: stopping.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(stopping)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Progress:
    """A bar on stderr, when that is a terminal and there is much to do."""

    def __init__(self, total: int, *, is_shown: bool = True) -> None:
        self._total = total
        self._is_shown = is_shown and total >= _SHOWN_FROM and errors.is_terminal
        self._began = time.monotonic()

    def __call__(self, done: int) -> None:
        """Show how many are done."""
        if not self._is_shown:
            return
        full = _WIDTH * done // self._total
        rate = done / max(0.001, time.monotonic() - self._began)
        errors.print(
            f"[{'#' * full}{'.' * (_WIDTH - full)}] {done} of {self._total}, {rate:.0f}/s", end="", markup=False
        )
        errors.control(Control(ControlType.CARRIAGE_RETURN))
        if done == self._total:
            errors.print()
