"""The tests that `onex dev --once` runs while the agents run."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tomllib import TOMLDecodeError, loads
from typing import Final

from onex.cli.output import CommandError

NO_TESTS: Final = 5
"""Exit code of pytest that has collected none."""


def command_of_tests(project: Path, services: Sequence[Path], *, only_nodes: bool) -> list[str]:
    """Return the command that runs the tests of a project, or the golden cases of nodes.

    Args:
        project: working folder. Its tests run when its ``pyproject.toml`` configures pytest.
        services: folders with nodes. Their golden cases run when the project has no tests.
        only_nodes: run the golden cases in any case: the command line named the folders.

    Raise CommandError when pytest is not installed.
    """
    if find_spec("pytest") is None:
        raise CommandError("pytest is not installed, which runs the tests of --once; install `pytest>=8.3`")
    command = [sys.executable, "-m", "pytest", "-q"]
    if not only_nodes and _configures_pytest(project / "pyproject.toml"):
        return command
    return [*command, "-p", "no:cacheprovider", "--import-mode=importlib", *map(str, services)]


def start_tests(command: Sequence[str], project: Path) -> "subprocess.Popen[bytes]":
    """Start the tests in a process group of their own: the one who is asked to stop ends them."""
    return subprocess.Popen(command, cwd=project, stdin=subprocess.DEVNULL, start_new_session=True)


def _configures_pytest(file: Path) -> bool:
    try:
        tool = loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, TOMLDecodeError, UnicodeDecodeError):
        return False
    return "pytest" in tool
