"""Messages of test generation."""

from onex.node import Message


class GenerateTests(Message, key="generation_id"):
    """Render the package of a contract, write tests for it and run them."""

    generation_id: str
    contract: str


class TestsPassed(Message):
    """The package with its tests."""

    generation_id: str
    files: dict[str, str]
    passed: int


class TestsFailed(Message):
    """The end of the output of pytest."""

    generation_id: str
    reason: str
