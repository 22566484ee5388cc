"""The request to Linux to send a process a signal when its parent ends."""

from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""First argument of prctl(2). The second is the signal.

The launcher of the sandbox has a copy, because it imports no package.
"""
