"""Servers that run as long as tests do."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from onex.local import LocalKafka, LocalPostgres

SHORT_LIVED: Final = ("-XX:TieredStopAtLevel=1",)
"""Options of brokers that live for minutes: Java's second compiler would use a third more processor time."""
_STOP_POSTGRES: Final = """
import shutil, sys
from pathlib import Path
from onex.local import LocalPostgres
sys.stdin.read()
LocalPostgres(Path(sys.argv[1]) / "data").stop()
shutil.rmtree(sys.argv[1])
"""
"""It waits for the end of the test run, however that ends: PostgreSQL would outlive a run that is killed."""


def address_in_environment(*variables: str) -> str:
    """Return the value of the first variable that is set; empty for none.

    The servers of ``onex up`` are not used: tests would write to the topics and tables that a developer looks at.
    """
    return next((os.environ[variable] for variable in variables if os.environ.get(variable)), "")


@contextmanager
def announced(variable: str, value: str) -> Iterator[None]:
    """Set an environment variable for a while."""
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before


@contextmanager
def local_kafka(folder: Path, heap: str = "512m", java: Sequence[str] = SHORT_LIVED) -> Iterator[LocalKafka]:
    """Run a broker with its data in ``folder``. Raise ConfigurationError when it cannot start."""
    server = LocalKafka(folder, heap=heap, java=java)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def local_postgres() -> Iterator[LocalPostgres]:
    """Run a database, outside of pytest's folder: it runs as another user, whom a second pytest locks out.

    Raise ConfigurationError when it cannot start.
    """
    folder = tempfile.mkdtemp(prefix="onex-postgres-")
    server = LocalPostgres(Path(folder) / "data")
    command = [sys.executable, "-c", _STOP_POSTGRES, folder]
    stopper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        server.start()
        yield server
    finally:
        stopper.communicate()
