"""Choices of a generation."""

from enum import StrEnum


class EnumGenerationStrategy(StrEnum):
    """Where the text of a generated node comes from."""

    TEMPLATE = "template"
    """The templates of the library."""
    TEMPLATE_LOADING = "template-loading"
    """Templates of the project, in a folder that it names; the library's where it has none."""
    HYBRID = "hybrid"
    """Templates, and the hand-written bodies of an earlier version of the node."""
    AUTO = "auto"
    """HYBRID when the node exists, TEMPLATE_LOADING when the project has templates, otherwise TEMPLATE."""


class EnumValidationLevel(StrEnum):
    """How much a generated node is checked. Each level has the stages of the one before."""

    NONE = "none"
    """Nothing but the syntax tree, which rendering always checks."""
    BASIC = "basic"
    """SYNTAX, AST and IMPORTS."""
    STANDARD = "standard"
    """All stages, and the generated tests."""
    STRICT = "strict"
    """As STANDARD; a warning fails like an error."""


class EnumValidationStage(StrEnum):
    """A stage of NodeValidator."""

    SYNTAX = "syntax"
    AST = "ast"
    IMPORTS = "imports"
    TYPE_CHECKING = "type_checking"
    ONEX_COMPLIANCE = "onex_compliance"
    SECURITY = "security"
    PERFORMANCE = "performance"


class EnumGenerationStep(StrEnum):
    """A step of a generation, in order."""

    READ = "read"
    """Check the contract."""
    RENDER = "render"
    VALIDATE = "validate"
    """The stages of NodeValidator that the level has."""
    TEST = "test"
    """Run the generated tests."""
    WRITE = "write"
