"""The command ``onex`` for tests that start it from a shell: forked from a process that has imported it.

A new interpreter spends most of a second of processor time on imports, a forked one none. Programs find it first on
their ``PATH``: ``PATH=f"{onex_folder()}:{...}"``. Standard streams, environment, folder, signals and the exit code
are those of the caller. A terminal is not: its width, and what becomes of a process when it is gone, are for tests of
the real command.
"""

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.conftest import eventually
from tests.integration.agents import FORKS

_CLIENT = Path(__file__).with_name("forked_onex_client.py")


@cache
def onex_folder() -> Path:
    """Return a folder with a program ``onex``. Its commands end with this process."""
    folder = Path(tempfile.mkdtemp(prefix="onex-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / "onex"
    # No site-packages, no variables: it starts in a hundredth of a second.
    program.write_text(f"#!{sys.executable} -IS\n{_CLIENT.read_text()}")
    program.chmod(0o700)
    log = folder / "log"
    server = FORKS().start("tests.integration.forked_onex_server", [str(folder)], dict(os.environ), log)
    eventually(lambda: (folder / "socket").exists() or server.poll() is not None, what="commands are served")
    assert server.poll() is None, log.read_text()
    return folder
