"""What the parts of the generator pass to each other: options, findings, results."""

from onex.codegen.model.enums import (
    EnumGenerationStep,
    EnumGenerationStrategy,
    EnumValidationLevel,
    EnumValidationStage,
)
from onex.codegen.model.options import GenerationOptions
from onex.codegen.model.result import ModelGenerationResult, ModelTestRun
from onex.codegen.model.validation import ModelFinding, ModelValidationResult

__all__ = [
    "EnumGenerationStep",
    "EnumGenerationStrategy",
    "EnumValidationLevel",
    "EnumValidationStage",
    "GenerationOptions",
    "ModelFinding",
    "ModelGenerationResult",
    "ModelTestRun",
    "ModelValidationResult",
]
