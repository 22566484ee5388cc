"""Generate packages, and run their gates and tests."""

import asyncio
from collections.abc import Mapping
from typing import Literal

from node_test_generator_effect.v1_0_0.models import GenerateTests, TestsFailed, TestsPassed
from onex.codegen import (
    CodeGenerationService,
    EnumGenerationStrategy,
    EnumValidationLevel,
    GenerationOptions,
    ModelGenerationResult,
    ModelTestRun,
    Sandbox,
    run_tests,
)
from onex.errors import ConfigurationError, ContractError
from onex.mixins.alerting import MixinAlerting
from onex.node import Context, NodeConfig, NodeEffect, RejectedError


class NodeTestGeneratorEffect(MixinAlerting, NodeEffect):
    """Render a package with its golden cases from a contract, check it, and run its tests in a sandbox.

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
        if command.level not in set(EnumValidationLevel):
            raise RejectedError(f"level: {command.level!r} is none; use one of {', '.join(EnumValidationLevel)}")
        options = GenerationOptions(
            strategy=EnumGenerationStrategy.TEMPLATE,
            level=EnumValidationLevel(command.level),
            mixins=command.mixins,
        )
        service = CodeGenerationService(tests=self._run_tests)
        try:
            result = await asyncio.to_thread(service.generate, command.contract, options)
        except ContractError as error:
            raise RejectedError(str(error)) from None
        return _passed(command, result) if result.passed else _failed(command, result)

    def _run_tests(self, files: Mapping[str, str]) -> ModelTestRun:
        return run_tests(files, self.config.sandbox, self.config.time_limit)

    @property
    def _sandbox(self) -> Sandbox:
        return Sandbox(self.config.sandbox, self.config.time_limit)


def _passed(command: GenerateTests, result: ModelGenerationResult) -> TestsPassed:
    return TestsPassed(
        generation_id=command.generation_id,
        files=dict(result.files),
        passed=result.tests.passed if result.tests else 0,
        gates=tuple(stage.stage for stage in result.validation),
        warnings=tuple(str(finding) for stage in result.validation for finding in stage.warnings),
        mixins=result.mixins,
        unfinished=result.unfinished,
        stage_seconds={step.value: seconds for step, seconds in result.stage_seconds.items()},
    )


def _failed(command: GenerateTests, result: ModelGenerationResult) -> TestsFailed:
    assert result.failed_step is not None
    return TestsFailed(generation_id=command.generation_id, reason=result.reason, stage=result.failed_step)
