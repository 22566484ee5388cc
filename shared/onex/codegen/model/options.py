"""What a caller of the generator chooses."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from onex.codegen.model.enums import EnumGenerationStrategy, EnumValidationLevel


class GenerationOptions(BaseModel):
    """Strategy, checks, and where the package is written. By default nothing is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: EnumGenerationStrategy = EnumGenerationStrategy.AUTO
    level: EnumValidationLevel = EnumValidationLevel.STANDARD
    mixins: bool = True
    """Whether the node has the capabilities of its contract. False leaves them out, in the package's contract too."""
    templates: Path | None = None
    """Folder with templates of the project, for TEMPLATE_LOADING."""
    output: Path | None = None
    """Services folder, or the folder of the node or of its version in it. HYBRID reads the earlier version there."""
    write: bool = False
    """Write the package below ``output`` when every gate has passed."""
    enhance: bool = False
    """Add the capabilities from which the kind of the node profits to the contract."""
    overwrite: bool = False
    """Also replace files that were changed by hand, where their changes cannot be taken over."""
    backup: bool = False
    """Keep a copy of the package that is replaced."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.output is None and (self.write or self.strategy is EnumGenerationStrategy.HYBRID):
            raise ValueError("output is missing: name the services folder")
        if self.templates is None and self.strategy is EnumGenerationStrategy.TEMPLATE_LOADING:
            raise ValueError("templates is missing: name the folder with the templates of the project")
        if self.templates is not None and self.strategy is EnumGenerationStrategy.TEMPLATE:
            raise ValueError("templates are not used by the strategy template: use template-loading")
        return self
