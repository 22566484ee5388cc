"""Named places at which a process can be told to die, so that tests can show what a crash there leads to."""

import os
import signal

_ARMED = os.environ.get("ONEX_FAILPOINT", "")


def failpoint(name: str) -> None:
    """Die as by kill -9 when ``ONEX_FAILPOINT`` names this place; else nothing."""
    if _ARMED and name == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)
