"""Checks by pydantic and by rules of the node."""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import TypeVar, cast

from cachetools import TTLCache
from pydantic import BaseModel, JsonValue, ValidationError
from typing_extensions import override

from onex.errors import RejectedError
from onex.mixins.validation.constraint import ModelFieldConstraint
from onex.mixins.validation.fields import values_at
from onex.mixins.validation.model_validation_subcontract import ModelValidationSubcontract
from onex.mixins.validation.protocol_validation import ProtocolValidation, ValidationProblem
from onex.model.message import Message
from onex.util.clock import ProtocolClock
from onex.util.error_text import problem_text
from onex.util.places import place_of

M = TypeVar("M", bound=Message)
_CACHE_SIZE = 10_000
_SCHEMA = ("missing", "extra_forbidden", "frozen", "none_required", "enum", "literal_error", "union_tag")
_SCHEMA_ENDS = ("_type", "_parsing", "_attribute", "_size", "is_instance_of")


class ValidationEngine(ProtocolValidation):
    """Applies rules to messages, and validates data with a cache of results."""

    def __init__(self, settings: ModelValidationSubcontract, clock: ProtocolClock) -> None:
        self._settings = settings
        self._rules: dict[type[Message], list[tuple[str, Callable[[Message], bool]]]] = {}
        self._constraints: dict[str, list[ModelFieldConstraint]] = {}
        for constraint in settings.constraints:
            self._constraints.setdefault(constraint.message, []).append(constraint)
        self._cache: TTLCache[tuple[type, bytes], tuple[ValidationProblem, ...]] | None = None
        if settings.enable_validation_caching:
            self._cache = TTLCache(_CACHE_SIZE, settings.validation_cache_ttl_seconds, clock.monotonic)

    @override
    def rule(self, model: type[M], words: str, holds: Callable[[M], bool]) -> None:
        self._rules.setdefault(model, []).append((words, cast(Callable[[Message], bool], holds)))

    def check(self, message: Message) -> None:
        """Apply constraints and rules of the message's type. Raise RejectedError with the violated ones."""
        rules, constraints = self._rules.get(type(message), ()), self._constraints.get(type(message).__name__)
        if not (rules or constraints) or not self._settings.enable_constraint_validation:
            return
        violated = [str(problem) for problem in self._violations(message)]
        violated += [words for words, holds in rules if not holds(message)]
        if violated:
            raise RejectedError(
                f"{type(message).__name__}: {'; '.join(violated[: self._settings.max_validation_errors])}"
            )

    @override
    def require(self, model: type[BaseModel], data: JsonValue) -> None:
        if problems := self.problems(model, data):
            raise RejectedError(f"{model.__name__}: {'; '.join(map(str, problems))}")

    @override
    def problems(self, model: type[BaseModel], data: JsonValue) -> Sequence[ValidationProblem]:
        text = json.dumps(data, sort_keys=True).encode()
        if self._cache is None:
            return self._validate(model, text)
        key = model, blake2b(text).digest()
        problems = self._cache.get(key)
        if problems is None:
            problems = self._cache[key] = self._validate(model, text)
        return problems

    def _validate(self, model: type[BaseModel], text: bytes) -> tuple[ValidationProblem, ...]:
        try:
            valid = model.model_validate_json(text, strict=self._settings.strict_type_checking)
        except ValidationError as error:
            problems = [
                ValidationProblem(place_of(details["loc"], model), problem_text(details))
                for details in error.errors(include_url=False)
                if self._is_reported(details["type"])
            ]
        else:
            problems = list(self._violations(valid)) if self._settings.enable_constraint_validation else []
        limit = 1 if self._settings.enable_fail_fast else self._settings.max_validation_errors
        return tuple(problems[:limit])

    def _violations(self, value: BaseModel) -> Iterator[ValidationProblem]:
        """Yield a problem for each constraint that a valid message or other data violates, each once."""
        for constraint in self._constraints.get(type(value).__name__, ()):
            found = (problem for each in values_at(value, constraint.field) for problem in constraint.problems(each))
            for words in dict.fromkeys(found):
                yield ValidationProblem(constraint.field, words)

    def _is_reported(self, kind: str) -> bool:
        is_schema = kind in _SCHEMA or kind.endswith(_SCHEMA_ENDS)
        settings = self._settings
        return settings.enable_schema_validation if is_schema else settings.enable_constraint_validation
