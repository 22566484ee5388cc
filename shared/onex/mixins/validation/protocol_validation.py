"""Interface of validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from onex.model.message import Message

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class ValidationProblem:
    """One problem of validated data."""

    field: str
    """Dotted path. Empty for the data as a whole."""
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ProtocolValidation(Protocol):
    """Checks in addition to those of decoding."""

    def rule(self, model: type[M], words: str, holds: Callable[[M], bool]) -> None:
        """Refuse every message of a type for which ``holds`` returns False, before its handler is called."""
        ...

    def problems(self, model: type[BaseModel], data: JsonValue) -> Sequence[ValidationProblem]:
        """Return the problems of data for a model. Empty for valid data."""
        ...

    def require(self, model: type[BaseModel], data: JsonValue) -> None:
        """Raise RejectedError with every problem of data for a model."""
        ...
