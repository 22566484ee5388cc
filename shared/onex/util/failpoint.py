"""Named places at which a process can be made to crash, so that tests show the effect of a crash there."""

import os
import signal

_ARMED = os.environ.get("ONEX_FAILPOINT", "")


def failpoint(name: str) -> None:
    """Kill this process with SIGKILL when ``ONEX_FAILPOINT`` names this place."""
    if _ARMED and name == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)
