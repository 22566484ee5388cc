"""What mypy says of generated packages, with the settings that a stranger would use: strict, and no plugin."""

import fcntl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT, mypy_cache

_SETTINGS = """\
[mypy]
strict = True
namespace_packages = True
explicit_package_bases = True
"""


def errors_of_types(folder: Path, *others: Path, without: str = "", untyped: Sequence[str] = ()) -> str:
    """Return mypy's errors in the packages of a folder and in other files; empty when there are none.

    ``without`` are files of the folder, an expression; ``untyped`` are packages that have no types.
    Tests share one cache, one after the other: the first analyses the library for all of them.
    """
    cache = mypy_cache("strict")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = cache / "mypy.ini"
        ignored = [f"[mypy-{name}.*]\nignore_missing_imports = True\n" for name in untyped]
        settings.write_text(_SETTINGS + "".join(ignored))
        command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir", str(cache)]
        command += ["--exclude", without] if without else []
        paths = [folder, ROOT / "shared", *(other.parent for other in others)]
        done = subprocess.run(
            [*command, ".", *map(str, others)],
            cwd=folder,
            env={"MYPYPATH": ":".join(map(str, paths)), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
    return "" if done.returncode == 0 else done.stdout + done.stderr
