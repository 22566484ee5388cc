"""The command that tests on every Python that is here."""

import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, get_ident

import pytest

from tests import versions
from tests.versions import ROOT, SUPPORTED, check_wanted, is_version, main, present

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


def test_a_version_that_was_asked_for_must_be_here() -> None:
    here = {HERE: Path(sys.executable)}
    assert check_wanted([HERE], here) == ""
    assert check_wanted([HERE, "3.98", "3.99"], here) == "no Python 3.98, 3.99 here; install it, or put it into PATH"
    assert (
        check_wanted(["3.9"], {"3.9": Path("python3.9")}) == "Python 3.9 is older than 3.11, which the package needs"
    )
    for odd in ("3", "3.12.1", "", "-m", "3.12/../x", "latest", "4.0"):
        assert "is no version of Python like 3.13" in check_wanted([odd], {odd: Path(sys.executable)})


def test_no_interpreter_is_an_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["3.99"]) == 1
    assert capsys.readouterr().err == "no Python 3.99 here; install it, or put it into PATH\n"
    monkeypatch.setattr(versions, "present", lambda *_: {})
    assert main([]) == 1
    assert capsys.readouterr().err == "no Python 3.11, 3.12, 3.13 here; install it, or put it into PATH\n"


@pytest.mark.parametrize(
    ("pip", "pytest_code", "code", "line"),
    [
        (0, 0, 0, "passed"),
        (0, 1, 1, "failed: exit status 1 of pytest"),
        (7, 0, 1, "failed: no environment, exit status 7 of python"),
    ],
)
def test_each_version_has_a_line_at_the_end(
    pip: int,
    pytest_code: int,
    code: int,
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    # It makes environments of itself, and its pip and pytest end as the test says.
    text = f"""case "$*" in
"-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
"-m pip"*) exit {pip} ;;
"-m pytest"*) exit {pytest_code} ;;
esac"""
    python = program(tmp_path / "python", text)
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.setattr(versions, "present", lambda wanted: {"3.13": python})
    assert main([]) == code
    written = capsys.readouterr().out.splitlines()
    assert written[:3] == ["3.11  not here, not tested", "3.12  not here, not tested", f"3.13  {python}"]
    assert [text for text in written[3:] if text.startswith("3.13") and text.endswith(f" s  {line}")], written
    assert written[-2:] == written[:2]


def test_two_runs_make_one_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    made, both, looked = list[Path](), Barrier(2, timeout=30), set[int]()

    def make(_: Path, folder: Path, python: Path) -> None:
        made.append(folder)
        python.parent.mkdir(parents=True)

    def is_complete(stamp: Path) -> bool:
        if get_ident() not in looked:  # both find none before one of them makes it
            looked.add(get_ident())
            both.wait()
            return False
        return stamp.is_file()

    def run() -> Path:
        with versions.environment("3.13", Path("python3.13")) as python:
            return python

    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.setattr(versions, "_make", make)
    monkeypatch.setattr(versions, "_is_complete", is_complete)
    with ThreadPoolExecutor() as pool:
        first, second = pool.submit(run), pool.submit(run)
        assert first.result(30) == second.result(30) == tmp_path / "build" / "versions" / "3.13" / "bin" / "python"
    assert len(made) == 1
