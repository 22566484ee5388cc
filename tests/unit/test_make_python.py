"""Which Python `make` takes: the one in PATH, unless it is slow and the system's is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_SYSTEM = "/usr/bin/python3"


def _chosen(path: Path, **environment: str) -> str:
    rule = "chosen:;@echo $(PYTHON)"
    command = ["make", "--no-print-directory", "--directory", str(ROOT), "--eval", rule, "chosen"]
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")}
    variables = {**kept, "PATH": f"{path}:{os.environ['PATH']}", **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _python_in_path(folder: Path, *, optimised: bool, version: tuple[int, int] = (3, 12)) -> Path:
    """Make a `python3` that says this of itself, and computes everything else."""
    arguments = "--enable-optimizations" if optimised else "--enable-shared"
    pretend = (
        f"import sys, sysconfig; sys.version_info = {version}; sysconfig.get_config_var = lambda _: '{arguments}'"
    )
    script = folder / "python3"
    script.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" -c "{pretend}\n$1"\n')
    script.chmod(0o700)
    return folder


def _system_is_complete() -> bool:
    check = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([_SYSTEM, "-c", check], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_an_optimised_python_in_path_is_taken(tmp_path: Path) -> None:
    assert _chosen(_python_in_path(tmp_path, optimised=True)) == "python3"


@pytest.mark.parametrize(("optimised", "version"), [(False, (3, 12)), (True, (3, 10))])
def test_else_the_python_of_the_system(tmp_path: Path, optimised: bool, version: tuple[int, int]) -> None:
    expected = _SYSTEM if _system_is_complete() else "python3"
    assert _chosen(_python_in_path(tmp_path, optimised=optimised, version=version)) == expected


def test_a_python_that_is_named_is_taken_as_it_is(tmp_path: Path) -> None:
    assert _chosen(_python_in_path(tmp_path, optimised=True), PYTHON="python3.99") == "python3.99"
