"""What the parts of the generator pass to each other: options, findings, results."""

from onex.codegen.model.enums import EnumGenerationStrategy, EnumValidationLevel, EnumValidationStage
from onex.codegen.model.result import ModelGenerationResult, ModelTestRun
from onex.codegen.model.validation import ModelFinding, ModelValidationResult

__all__ = [
    "EnumGenerationStrategy",
    "EnumValidationLevel",
    "EnumValidationStage",
    "ModelFinding",
    "ModelGenerationResult",
    "ModelTestRun",
    "ModelValidationResult",
]
