"""The command that tests on every Python that is here."""

import sys
import tomllib
from pathlib import Path

import pytest

from tests.versions import ROOT, SUPPORTED, is_version, main, present

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_supported_versions_are_those_that_the_package_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [each.rpartition(" ")[2] for each in project["classifiers"] if "Python :: 3." in each]
    assert declared == list(SUPPORTED)
    assert project["requires-python"] == f">={SUPPORTED[0]}"


def test_a_shim_without_an_interpreter_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin" / f"python{HERE}", "echo 'command not found' >&2; exit 127")
    older = program(tmp_path / f"pyenv/versions/{HERE}.9/bin/python", f'exec {sys.executable} "$@"')
    env = {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv")}
    assert present([HERE, "3.99"], env) == {HERE: older}
    newer = program(tmp_path / f"pyenv/versions/{HERE}.10/bin/python", f'exec {sys.executable} "$@"')
    assert present([HERE], env) == {HERE: newer}


def test_another_version_under_the_name_is_passed_over(tmp_path: Path) -> None:
    assert not is_version(program(tmp_path / "python", "echo 2.7"), HERE)
    assert is_version(Path(sys.executable), HERE)


def test_no_interpreter_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["3.99"]) == 1
    assert capsys.readouterr().err == "no Python 3.99 here; install one, or put it into PATH\n"
