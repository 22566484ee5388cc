"""A received response."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from pydantic import BaseModel, JsonValue, ValidationError

from onex.errors import RejectedError
from onex.util.error_text import validation_text

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The response of a service, whole and within the limits."""

    service: str
    """Name of the service."""
    status: int
    headers: Mapping[str, str]
    """By lower-case name. Values of a repeated header are joined with commas."""
    content: bytes
    """The body, decompressed."""

    @property
    def text(self) -> str:
        """The body as UTF-8, with replacements for invalid bytes."""
        return self.content.decode(errors="replace")

    def json(self) -> JsonValue:
        """Return the body as JSON. Raise RejectedError when it is not JSON."""
        try:
            return cast(JsonValue, json.loads(self.content))
        except (ValueError, RecursionError):
            raise RejectedError(f"{self.service}: the response is not JSON") from None

    def parsed(self, model: type[M]) -> M:
        """Return the body as a model. Raise RejectedError with the fields that do not fit, without their values."""
        try:
            return model.model_validate_json(self.content)
        except ValidationError as error:
            raise RejectedError(f"{self.service}: {validation_text(error, model)}") from None
