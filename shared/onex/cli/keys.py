"""Single keys of a terminal."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

UP, DOWN = "up", "down"
_ARROWS: Final = {"\x1b[A": UP, "\x1bOA": UP, "\x1b[B": DOWN, "\x1bOB": DOWN}
_LONGEST: Final = 3
"""Bytes of an arrow."""


@contextmanager
def terminal_keys() -> Iterator[Callable[[float], str]]:
    """Yield a function that waits for one key, at most for a time in seconds, and returns it; empty without one.

    Arrows are ``up`` and ``down``. Without a terminal the function only waits.
    """
    if not sys.stdin.isatty():

        def wait(seconds: float) -> str:
            time.sleep(seconds)
            return ""

        yield wait
        return
    saved = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    descriptor = sys.stdin.fileno()

    def key(seconds: float) -> str:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        if not ready:
            return ""
        pressed = os.read(descriptor, 1)
        while pressed and b"\x1b[A".startswith(pressed[:1]) and len(pressed) < _LONGEST:
            if not select.select([descriptor], [], [], 0)[0]:
                break
            pressed += os.read(descriptor, 1)
        text = pressed.decode(errors="replace")
        return _ARROWS.get(text, text)

    try:
        yield key
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
