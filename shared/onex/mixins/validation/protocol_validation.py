"""What a node may do with validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from onex.model.message import Message

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class ValidationProblem:
    """One thing that is wrong."""

    field: str
    """Dotted path; empty for the whole."""
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ProtocolValidation(Protocol):
    """Checks, beyond those that every message has passed when it was read."""

    def rule(self, model: type[M], words: str, holds: Callable[[M], bool]) -> None:
        """Have every message of a type refused for which this does not hold, before it reaches the handler."""
        ...

    def problems(self, model: type[BaseModel], data: JsonValue) -> Sequence[ValidationProblem]:
        """What is wrong with data that shall become a model; empty when nothing is."""
        ...

    def require(self, model: type[BaseModel], data: JsonValue) -> None:
        """Raises RejectedError that names every problem."""
        ...
