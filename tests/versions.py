"""Tests on every supported Python that this machine has: ``python -m tests.versions``.

Each interpreter has an environment in ``build/versions``, from the same constraints. What runs needs no servers: the
unit tests, the capabilities and the simulation.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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


def environment(version: str, interpreter: Path) -> Path:
    """Return the Python of an environment with everything that the tests need; make it when it is not there."""
    folder = ROOT / "build" / "versions" / version
    python, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = max((ROOT / name).stat().st_mtime for name in ("pyproject.toml", "constraints.txt"))
    if not stamp.is_file() or stamp.stat().st_mtime < wanted:
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", "constraints.txt"]
        subprocess.run([python, *pip, "--editable", ".[dev]"], cwd=ROOT, check=True)
        stamp.touch()
    return python


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests on each version, and print one line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions", description=__doc__)
    parser.add_argument("versions", nargs="*", default=SUPPORTED, metavar="VERSION", help="default: 3.11 3.12 3.13")
    parser.add_argument("--workers", default="2", help="tests that run at the same time")
    options = parser.parse_args(arguments)
    found, results = present(options.versions), list[str]()
    if not found:
        print(f"no Python {', '.join(options.versions)} here; install one, or put it into PATH", file=sys.stderr)
        return 1
    failed = False
    for version in options.versions:
        if version not in found:
            results.append(f"{version:<6}not here")
            continue
        began = time.monotonic()
        python = environment(version, found[version])
        code = subprocess.run(
            [python, "-m", "pytest", "--numprocesses", options.workers, *_PARTS], cwd=ROOT, check=False
        ).returncode
        failed |= code != 0
        results.append(f"{version:<6}{'failed' if code else 'passed'}  {time.monotonic() - began:5.0f} s")
    print("\n".join(results))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
