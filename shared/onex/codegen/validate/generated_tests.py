"""Runs the generated tests of a package in a process of their own, in the sandbox."""

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final, Literal

from onex.codegen.model import ModelTestRun
from onex.sandbox import Sandbox

TIME_LIMIT: Final = 60.0
"""Seconds after which the tests are stopped."""
TEST_MODULES: Final = ("onex.testing.pytest_imports",)
"""What the sandbox imports once for all tests."""
_OUTPUT_LINES = 30
_COUNTS = re.compile(r"(\d+) (passed|failed|errors?)\b")
# Plugins of the environment cost a second and are none of the node's business.
_PYTEST = """
import os, sys
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import pytest
from hypothesis.internal.conjecture import providers
if hasattr(providers, "is_local_module_file"):  # else it parses all of onex in a checkout, for its constants
    providers.is_local_module_file = lambda path, here=os.getcwd() + os.sep: path.startswith(here)
sys.exit(pytest.main(["-q", "--import-mode=importlib", "-p", "no:cacheprovider", "."]))
"""


def run_tests(
    files: Mapping[str, str],
    sandbox: Literal["namespaces", "process"] = "namespaces",
    seconds: float = TIME_LIMIT,
) -> ModelTestRun:
    """Run the tests among ``files``, and return how many passed and failed.

    Of kind ``process`` the sandbox has the files and the network of this user. Raise RejectedError for a path that
    leads out of the package. Call it from code that has no running loop; others await :func:`tests_run`.
    """
    with ThreadPoolExecutor(1, "onex-tests") as pool:
        return pool.submit(asyncio.run, tests_run(files, Sandbox(sandbox, seconds, TEST_MODULES))).result()


async def tests_run(files: Mapping[str, str], sandbox: Sandbox) -> ModelTestRun:
    """As :func:`run_tests`, for callers with a loop."""
    start = perf_counter()
    ended = await sandbox.run(files, _PYTEST)
    lines = ended.output.splitlines()
    counts = {
        name.removesuffix("s") if name != "passed" else name: int(n) for n, name in _COUNTS.findall(_last(lines))
    }
    passed, failed = counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)
    if ended.code != 0 and not failed:
        failed = 1
        lines.append(f"pytest ended with {ended.code}")
    return ModelTestRun(
        passed=passed,
        failed=failed,
        seconds=perf_counter() - start,
        output="\n".join(lines[-_OUTPUT_LINES:]) if failed or not passed else "",
    )


def _last(lines: list[str]) -> str:
    """Return pytest's summary: the last line that is not empty."""
    return next((line for line in reversed(lines) if line.strip()), "")
