"""What a generation made."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from onex.codegen.model.enums import EnumGenerationStep, EnumGenerationStrategy, EnumValidationLevel
from onex.codegen.model.validation import ModelFinding, ModelValidationResult
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
    base: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """What the templates made, before further bodies were taken over; None when ``files`` are that."""
    mixins: tuple[str, ...] = ()
    """Class names of the composed capabilities."""
    added: tuple[str, ...] = ()
    """Those that were added to the contract."""
    unfinished: tuple[str, ...] = ()
    """Handlers whose logic the contract does not state. Each message that they take becomes a dead letter."""
    validation: tuple[ModelValidationResult, ...] = ()
    tests: ModelTestRun | None = None
    """None when the level runs no tests."""
    warnings: tuple[ModelFinding, ...] = ()
    """Declarations of the contract that overlap: valid, and probably not meant."""
    stage_seconds: Mapping[EnumGenerationStep, float] = Field(default_factory=dict)
    """Seconds by step. A step that was not taken is missing."""
    passed: bool
    """Whether every gate of the level passed."""
    failed_step: EnumGenerationStep | None = None
    """VALIDATE or TEST, when a gate of it did not pass."""
    reason: str = ""
    """Why it did not pass: the first finding, or the end of the output of the tests."""
    kept: tuple[str, ...] = ()
    """Files that have bodies, or more, which a person wrote."""
    notes: tuple[str, ...] = ()
    """What stays in a regeneration, what it replaces and what it leaves undecided, each with its place."""
    folder: str = ""
    """Where the package was written; empty when it was not."""
    written: tuple[str, ...] = ()
    """Files with new content on disk, below that folder."""
    removed: tuple[str, ...] = ()
    """Files of an earlier generation that were removed there."""
    backup: str = ""
    """Id of the backup of the package that was replaced."""

    @property
    def package(self) -> str:
        """``NAME/VERSION``: the folder of all files."""
        return "/".join(next(iter(self.files)).split("/")[:2])

    @property
    def seconds(self) -> float:
        """Seconds of all steps."""
        return sum(self.stage_seconds.values())
