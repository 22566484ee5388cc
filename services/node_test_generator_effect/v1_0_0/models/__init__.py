"""Messages of test generation."""

from pydantic import Field

from onex.node import Message


class GenerateTests(Message, key="generation_id"):
    """Render the package of a contract, check it, write tests for it and run them."""

    generation_id: str
    contract: str
    level: str = "standard"
    """Level of validation: ``none``, ``basic``, ``standard`` or ``strict``."""
    mixins: bool = True
    """Whether the node class has the capabilities of the contract as bases."""


class TestsPassed(Message):
    """The package with its tests. Every gate of the level passed."""

    generation_id: str
    files: dict[str, str]
    passed: int
    """Number of tests; 0 where the level runs none."""
    gates: tuple[str, ...] = ()
    """Names of the stages that passed."""
    warnings: tuple[str, ...] = ()
    """What the stages found, and did not refuse."""
    mixins: tuple[str, ...] = ()
    """Class names of the capabilities that the node class has."""
    unfinished: tuple[str, ...] = ()
    """Handlers whose logic the contract does not state."""
    stage_seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds by step: read, render, validate, test."""


class TestsFailed(Message):
    """The first finding, or the end of the output of pytest."""

    generation_id: str
    reason: str
    stage: str = ""
    """The step that did not pass: ``validate`` or ``test``."""
