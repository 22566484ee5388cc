"""Strategies, pipeline and service of the generator."""

from onex.codegen.generate.bodies import Filled, ProtocolBodySource
from onex.codegen.generate.pipeline import CodeGenerationPipeline
from onex.codegen.generate.progress import EnumStepStatus, StepProgress
from onex.codegen.generate.service import CodeGenerationService
from onex.codegen.generate.strategies import (
    STRATEGIES,
    AutoStrategy,
    HybridStrategy,
    ProtocolGenerationStrategy,
    Rendered,
    TemplateLoadingStrategy,
    TemplateStrategy,
)

__all__ = [
    "STRATEGIES",
    "AutoStrategy",
    "CodeGenerationPipeline",
    "CodeGenerationService",
    "EnumStepStatus",
    "Filled",
    "HybridStrategy",
    "ProtocolBodySource",
    "ProtocolGenerationStrategy",
    "Rendered",
    "StepProgress",
    "TemplateLoadingStrategy",
    "TemplateStrategy",
]
