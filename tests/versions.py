"""Tests on every supported Python that this machine has: ``python -m tests.versions``.

Each interpreter has an environment in ``build/versions``, from the same constraints. What runs needs no servers: the
unit tests, the capabilities and the simulation.
"""

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUPPORTED = ("3.11", "3.12", "3.13")
_PARTS = ("tests/unit", "tests/mixins", "tests/simulation")


def interpreters(version: str, path: str, pyenv: Path) -> Iterator[Path]:
    """Yield what may be an interpreter of a version: those of ``path``, then those of pyenv, the newest first."""
    if found := shutil.which(f"python{version}", path=path):
        yield Path(found)
    folders = pyenv.glob(f"versions/{version}.*/bin/python")
    yield from sorted(folders, key=_patch, reverse=True)


def _patch(interpreter: Path) -> int:
    number = interpreter.parts[-3].rpartition(".")[2]
    return int(number) if number.isdecimal() else -1  # a development version


def is_version(interpreter: Path, version: str) -> bool:
    """Return whether a program starts, and is a Python of this version. A shim may have nothing behind it."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and asked.stdout.strip() == version


def present(versions: Sequence[str], env: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Return an interpreter for each version that is here."""
    pyenv = Path(env.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found: dict[str, Path] = {}
    for version in versions:
        for interpreter in interpreters(version, env.get("PATH", ""), pyenv):
            if is_version(interpreter, version):
                found[version] = interpreter
                break
    return found


def check_wanted(versions: Sequence[str], found: Mapping[str, Path]) -> str:
    """Return what is wrong with versions that were asked for by name: '' when each of them can be tested."""
    oldest = _numbers(SUPPORTED[0])
    for version in versions:
        if not re.fullmatch(r"3\.\d{1,3}", version):
            return f"{version!r} is no version of Python like {SUPPORTED[-1]}"
        if _numbers(version) < oldest:
            return f"Python {version} is older than {SUPPORTED[0]}, which the package needs"
    if missing := [version for version in versions if version not in found]:
        return f"no Python {', '.join(missing)} here; install it, or put it into PATH"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@contextmanager
def environment(version: str, interpreter: Path) -> Iterator[Path]:
    """Yield the Python of an environment with everything that the tests need; make it when it is not there.

    A second run waits while the first one makes it, and makes none while another uses it. Raises
    subprocess.CalledProcessError when a package has no version for this Python, or there is no network.
    """
    folder = ROOT / "build" / "versions" / version
    python, stamp = folder / "bin" / "python", folder / ".installed"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not _is_complete(stamp):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_complete(stamp):
                _make(interpreter, folder, python)
                stamp.touch()
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield python


def _is_complete(stamp: Path) -> bool:
    wanted = max((ROOT / name).stat().st_mtime for name in ("pyproject.toml", "constraints.txt"))
    return stamp.is_file() and stamp.stat().st_mtime >= wanted


def _make(interpreter: Path, folder: Path, python: Path) -> None:
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", "constraints.txt"]
    subprocess.run([python, *pip, "--editable", ".[dev]"], cwd=ROOT, check=True)


def run_tests(version: str, interpreter: Path, workers: str) -> str:
    """Run the tests on one version. Return ``passed``, or what went wrong."""
    try:
        with environment(version, interpreter) as python:
            command: list[str | Path] = [python, "-m", "pytest", "--numprocesses", workers, *_PARTS]
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
    except subprocess.CalledProcessError as error:
        return f"failed: no environment, exit status {error.returncode} of {Path(error.cmd[0]).name}"
    return f"failed: exit status {code} of pytest" if code else "passed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests on each version, and print a line for each. A version that was asked for by name must be here."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions", description=__doc__)
    parser.add_argument(
        "versions", nargs="*", metavar="VERSION", help="default: those of 3.11 3.12 3.13 that are here"
    )
    parser.add_argument("--workers", default="2", help="tests that run at the same time")
    options = parser.parse_args(arguments)
    versions = options.versions or SUPPORTED
    found, results = present(versions), list[str]()
    if wrong := check_wanted(options.versions or list(found) or versions, found):
        print(wrong, file=sys.stderr)
        return 1
    for version in versions:
        print(f"{version:<6}{found.get(version, 'not here, not tested')}", flush=True)
    for version, interpreter in found.items():
        began = time.monotonic()
        result = run_tests(version, interpreter, options.workers)
        results.append(f"{version:<6}{time.monotonic() - began:5.0f} s  {result}")
    results += [f"{version:<6}not here, not tested" for version in versions if version not in found]
    print("\n".join(results))
    return int(any("failed" in result for result in results))


if __name__ == "__main__":
    sys.exit(main())
