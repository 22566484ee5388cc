"""Checks by pydantic, and by rules of the node."""

import json
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar, cast

from cachetools import TTLCache
from pydantic import BaseModel, JsonValue, ValidationError

from onex.errors import RejectedError
from onex.mixins.validation.model_validation_subcontract import ModelValidationSubcontract
from onex.mixins.validation.protocol_validation import ValidationProblem
from onex.model.error_text import problem_text
from onex.model.message import Message
from onex.model.places import place_of
from onex.util.clock import ProtocolClock

M = TypeVar("M", bound=Message)
_CACHED = 10_000
_SCHEMA = ("missing", "extra_forbidden", "frozen", "none_required", "enum", "literal_error", "union_tag")
_SCHEMA_ENDS = ("_type", "_parsing", "_attribute", "_size", "is_instance_of")


class ValidationEngine:
    """See :class:`ProtocolValidation`."""

    def __init__(self, settings: ModelValidationSubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._rules: dict[type[Message], list[tuple[str, Callable[[Message], bool]]]] = {}
        self._found: TTLCache[tuple[type, bytes], tuple[ValidationProblem, ...]] | None = None
        if settings.enable_validation_caching:
            self._found = TTLCache(_CACHED, settings.validation_cache_ttl_seconds, clock.monotonic)

    def rule(self, model: type[M], words: str, holds: Callable[[M], bool]) -> None:
        """See the protocol."""
        self._rules.setdefault(model, []).append((words, cast(Callable[[Message], bool], holds)))

    def check(self, message: Message) -> None:
        """All rules of the message's type; raises RejectedError that names those that do not hold."""
        rules = self._rules.get(type(message))
        if rules is None or not self._settings.enable_constraint_validation:
            return
        if broken := [words for words, holds in rules if not holds(message)]:
            told = "; ".join(broken[: self._settings.max_validation_errors])
            raise RejectedError(f"{type(message).__name__}: {told}")

    def require(self, model: type[BaseModel], data: JsonValue) -> None:
        """See the protocol."""
        if problems := self.problems(model, data):
            raise RejectedError(f"{model.__name__}: {'; '.join(map(str, problems))}")

    def problems(self, model: type[BaseModel], data: JsonValue) -> Sequence[ValidationProblem]:
        """See the protocol."""
        text = json.dumps(data, sort_keys=True).encode()
        if self._found is None:
            return self._look(model, text)
        key = model, blake2b(text).digest()
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look(model, text)
        return found

    def _look(self, model: type[BaseModel], text: bytes) -> tuple[ValidationProblem, ...]:
        try:
            model.model_validate_json(text, strict=self._settings.strict_type_checking)
        except ValidationError as error:
            told = [
                ValidationProblem(place_of(details["loc"], model), problem_text(details))
                for details in error.errors(include_url=False)
                if self._tells(details["type"])
            ]
            most = 1 if self._settings.enable_fail_fast else self._settings.max_validation_errors
            return tuple(told[:most])
        return ()

    def _tells(self, kind: str) -> bool:
        is_schema = kind in _SCHEMA or kind.endswith(_SCHEMA_ENDS)
        settings = self._settings
        return settings.enable_schema_validation if is_schema else settings.enable_constraint_validation
