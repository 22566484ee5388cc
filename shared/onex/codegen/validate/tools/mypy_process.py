"""The process of mypy: ``python -I mypy_process.py CACHE``. See :mod:`onex.codegen.validate.tools`.

``CACHE`` is a folder: mypy's cache, a configuration, and the files of one request at a time, always at the same
paths, because mypy's cache knows files by their paths. A lock keeps several processes apart.
"""

import fcntl
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

_CONFIG = """[mypy]
strict = True
plugins = pydantic.mypy
explicit_package_bases = True
namespace_packages = True
disable_error_code = type-abstract
enable_error_code = ignore-without-code
local_partial_types = True
follow_imports = silent
cache_fine_grained = False
incremental = True

[mypy-{untyped}]
ignore_missing_imports = True
"""
_UNTYPED = "aiokafka.*,confluent_kafka.*,fastavro.*,asyncpg.*"


class Checker:
    """Runs mypy in a cache folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config = folder / "mypy.ini"

    def check(self, request: dict[str, object]) -> object:
        """Return mypy's messages about the files of a request, each a JSON object of ``--output=json``."""
        from mypy.api import run

        files, context = request["files"], request["context"]
        assert isinstance(files, dict)
        assert isinstance(context, dict)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            source = self._folder / "source"
            shutil.rmtree(source, ignore_errors=True)
            for path, text in {**context, **files}.items():
                target = source / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(str(text), encoding="utf-8")
            self._config.write_text(_CONFIG.replace("{untyped}", _UNTYPED))
            os.environ["MYPYPATH"] = str(source)
            os.chdir(source)
            output, errors, code = run(
                [
                    *(f"--config-file={self._config}", f"--cache-dir={self._folder / 'cache'}", "--output=json"),
                    *("--no-error-summary", "--hide-error-context", "--no-color-output"),
                    *sorted(files),
                ]
            )
        if code == 2 and not output.strip():
            raise RuntimeError(errors.strip()[:2000] or "mypy ended with 2")
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


if __name__ == "__main__":
    from serving import serve  # type: ignore[import-not-found]  # next to this script, which runs alone

    sys.path[:] = [*json.loads(sys.argv[2]), *sys.path]
    serve(Checker(Path(sys.argv[1])).check)
