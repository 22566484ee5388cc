"""From the text of a contract to the package of a node: rendered, checked, tested and written."""

from onex.util.extras import require_extra

require_extra("agent")

from onex.codegen.generate import CodeGenerationPipeline, CodeGenerationService, Rendered, StepProgress
from onex.codegen.model import (
    EnumGenerationStep,
    EnumGenerationStrategy,
    EnumValidationLevel,
    EnumValidationStage,
    GenerationOptions,
    ModelFinding,
    ModelGenerationResult,
    ModelTestRun,
    ModelValidationResult,
)
from onex.codegen.render.cases import case_files
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.package import package_files
from onex.codegen.validate import (
    NodeValidator,
    QualityGateValidator,
    report_text,
    run_tests,
    tests_run,
    validate_folder,
)
from onex.sandbox import Sandbox

__all__ = [
    "CodeGenerationPipeline",
    "CodeGenerationService",
    "EnumGenerationStep",
    "EnumGenerationStrategy",
    "EnumValidationLevel",
    "EnumValidationStage",
    "GenerationOptions",
    "ModelFinding",
    "ModelGenerationResult",
    "ModelTestRun",
    "ModelValidationResult",
    "NodeValidator",
    "QualityGateValidator",
    "Rendered",
    "Sandbox",
    "StepProgress",
    "case_files",
    "generatable_contract",
    "package_files",
    "report_text",
    "run_tests",
    "tests_run",
    "validate_folder",
]
