"""Generate and run tests."""

import re
from typing import Literal

from node_test_generator_effect.v1_0_0.models import GenerateTests, TestsFailed, TestsPassed
from onex.codegen import Sandbox, case_files, package_files
from onex.errors import ConfigurationError, ContractError
from onex.node import Context, NodeConfig, NodeEffect, RejectedError

_PASSED = re.compile(r"(\d+) passed")
_OUTPUT_LINES = 30
_PYTEST = """
import pytest
sys.exit(pytest.main(["-q", "--import-mode=importlib", "-p", "no:cacheprovider", "."]))
"""


class NodeTestGeneratorEffect(NodeEffect):
    """Render package and golden cases from a contract, and run them with pytest in a sandbox.

    This node only runs code that it rendered itself, from contracts of others. It accepts no code.
    """

    class Config(NodeConfig):
        time_limit: float
        sandbox: Literal["namespaces", "process"]

    config: Config

    async def start(self) -> None:
        if self.config.sandbox == "namespaces" and (problem := await self._sandbox.problem()):
            raise ConfigurationError(
                f"generated code cannot be kept from this machine: {problem}; run the node where Linux allows "
                "namespaces of users, or set ONEX_SANDBOX=process to do with an empty environment and limits"
            )

    async def generate(self, command: GenerateTests, context: Context) -> TestsPassed | TestsFailed:
        try:
            files = package_files(command.contract) | case_files(command.contract)
        except ContractError as error:
            raise RejectedError(str(error)) from None
        ended = await self._sandbox.run(files, _PYTEST)
        passed = _PASSED.search(ended.output)
        if ended.code != 0 or passed is None:
            tail = "\n".join(ended.output.splitlines()[-_OUTPUT_LINES:])
            return TestsFailed(generation_id=command.generation_id, reason=tail or f"pytest ended with {ended.code}")
        return TestsPassed(generation_id=command.generation_id, files=files, passed=int(passed[1]))

    @property
    def _sandbox(self) -> Sandbox:
        return Sandbox(self.config.sandbox, self.config.time_limit)
