"""Generates and runs tests."""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from node_test_generator_effect.v1_0_0.models import GenerateTests, TestsFailed, TestsPassed
from onex.codegen import case_files
from onex.model.errors import ContractError
from onex.node import Context, NodeConfig, NodeEffect, RejectedError

_PASSED = re.compile(r"(\d+) passed")
_OUTPUT_LINES = 30


class NodeTestGeneratorEffect(NodeEffect):
    """Golden cases from the contract, run by pytest in a scratch folder, in a process of its own."""

    class Config(NodeConfig):
        time_limit: float

    config: Config

    async def generate(self, command: GenerateTests, context: Context) -> TestsPassed | TestsFailed:
        try:
            files = command.files | case_files(command.contract)
        except ContractError as error:
            raise RejectedError(str(error)) from None
        with tempfile.TemporaryDirectory(prefix="onex-tests-") as scratch:
            _write(Path(scratch), files)
            code, output = await self._pytest(scratch)
        passed = _PASSED.search(output)
        if code != 0 or passed is None:
            tail = "\n".join(output.splitlines()[-_OUTPUT_LINES:])
            return TestsFailed(generation_id=command.generation_id, reason=tail or f"pytest ended with {code}")
        return TestsPassed(generation_id=command.generation_id, files=files, passed=int(passed[1]))

    async def _pytest(self, folder: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", "."]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(self.config.time_limit):
                output, _ = await process.communicate()
        except TimeoutError:
            return -1, f"tests took longer than {self.config.time_limit:g} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output.decode(errors="replace")


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root.resolve()):
            raise RejectedError(f"{name!r} leads out of the package")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
