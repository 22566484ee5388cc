"""What a generation made."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from onex.codegen.model.enums import EnumGenerationStrategy, EnumValidationLevel
from onex.codegen.model.validation import ModelValidationResult
from onex.model.enums import EnumNodeKind


class ModelTestRun(BaseModel):
    """The run of the generated tests."""

    model_config = ConfigDict(frozen=True)

    passed: int
    failed: int = 0
    seconds: float
    output: str = ""
    """The end of the output of pytest, when a test failed."""


class ModelGenerationResult(BaseModel):
    """A generated node: its files, its gates, and what is left to write by hand."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: EnumNodeKind
    version: str
    strategy: EnumGenerationStrategy
    """The strategy that was used, never AUTO."""
    level: EnumValidationLevel
    files: Mapping[str, str]
    """Text by path below the services folder."""
    mixins: tuple[str, ...] = ()
    """Class names of the composed capabilities."""
    unfinished: tuple[str, ...] = ()
    """Handlers whose logic the contract does not state. Each message that they take becomes a dead letter."""
    validation: tuple[ModelValidationResult, ...] = ()
    tests: ModelTestRun | None = None
    """None when the level runs no tests."""
    stage_seconds: Mapping[str, float] = Field(default_factory=dict)
    """Seconds by step: read, render, validate, test, write."""
    passed: bool
    """Whether every gate of the level passed."""
