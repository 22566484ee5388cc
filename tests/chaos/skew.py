"""A clock that agents believe in and a test can move: libfaketime, which reads its offset from a file.

Waits of librdkafka until a time of day go by the real clock: while this one is ahead they last too long, as they do
on a machine whose clock is then set back.
"""

import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

_LIBRARY = distribution("libfaketime").locate_file("libfaketime/vendor/libfaketime/src/libfaketime.so.1")


def possible() -> bool:
    """Whether the library that comes with the package runs on this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


class Clock:
    """Wall time of the processes that are started with :meth:`env`. Monotonic time stays, as it does after a jump."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.move(0)

    def move(self, seconds: int) -> None:
        """From now on the clock is so far ahead (or behind)."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._file)

    def env(self) -> Mapping[str, str]:
        """What makes a process believe in this clock."""
        if not possible():
            return {}
        return {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def told(self) -> float:
        """Seconds that a new process sees the clock ahead by."""
        code = "import time; print(time.time())"
        done = subprocess.run(
            [sys.executable, "-c", code], env={**self.env()}, capture_output=True, text=True, check=True, timeout=30
        )
        return float(done.stdout) - time.time()
