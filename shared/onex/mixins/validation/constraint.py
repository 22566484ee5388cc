"""Constraints on fields of messages, as a contract has them: one field, compared with literals."""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from onex.mixins.validation.formats import EnumFormat, has_format

T = TypeVar("T")
Allowed = StrictBool | StrictInt | StrictFloat | StrictStr
_SHOWN = 10
"""Allowed values that an error names."""
_NUMBERS = ("greater_or_equal", "greater", "less_or_equal", "less")
TEXTS = ("pattern", "format", "min_length", "max_length")


class ModelFieldConstraint(BaseModel):
    """What the values of one field must be: all of its conditions hold. A missing value (None) is not checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str = Field(pattern=r"^[A-Z][A-Za-z0-9]{0,99}$")
    """Class in ``models/``: a message that the node takes, or data for ``problems``."""
    field: str = Field(pattern=r"^[a-z_][A-Za-z0-9_]{0,99}(\.[a-z_][A-Za-z0-9_]{0,99}){0,9}$")
    """Field of the message. Dots lead into parts, and into each item of a list: ``lines.sku``."""
    pattern: str = Field(default="", max_length=500)
    """Regular expression that the whole text matches. It has no look-around and no references to groups, so that the
    time of a match is in proportion to the text."""
    format: EnumFormat | None = None
    """Format of the text."""
    min_length: int | None = Field(default=None, ge=0, le=100_000_000)
    """Least number of characters."""
    max_length: int | None = Field(default=None, ge=0, le=100_000_000)
    """Largest number of characters. It is checked before the pattern."""
    one_of: tuple[Allowed, ...] = Field(default=(), max_length=1_000)
    """Allowed values."""
    greater_or_equal: float | None = Field(default=None, allow_inf_nan=False)
    """Least number."""
    greater: float | None = Field(default=None, allow_inf_nan=False)
    """The number is above this one."""
    less_or_equal: float | None = Field(default=None, allow_inf_nan=False)
    """Largest number."""
    less: float | None = Field(default=None, allow_inf_nan=False)
    """The number is below this one."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if not (self.of_texts or self.of_numbers or self.one_of):
            raise ValueError("has no condition; add pattern, format, min_length, max_length, one_of, or a bound")
        if self.of_texts and self.of_numbers:
            raise ValueError(f"{self.of_texts[0]} is for texts, and {self.of_numbers[0]} for numbers; keep one")
        self._matcher  # noqa: B018  # compiles the pattern, or raises
        if None not in (self.greater, self.greater_or_equal) or None not in (self.less, self.less_or_equal):
            raise ValueError("has two bounds on one side; keep one")
        least = self.greater if self.greater_or_equal is None else self.greater_or_equal
        largest = self.less if self.less_or_equal is None else self.less_or_equal
        if least is not None and largest is not None:
            is_open = self.greater is not None or self.less is not None
            if least > largest or (is_open and least == largest):
                raise ValueError("no number is within these bounds")
        if self.min_length is not None and self.max_length is not None and self.min_length > self.max_length:
            raise ValueError("min_length is above max_length")
        return self

    @property
    def of_texts(self) -> tuple[str, ...]:
        """Names of its conditions on texts."""
        return tuple(name for name in TEXTS if getattr(self, name) not in (None, ""))

    @property
    def of_numbers(self) -> tuple[str, ...]:
        """Names of its conditions on numbers."""
        return tuple(name for name in _NUMBERS if getattr(self, name) is not None)

    @cached_property
    def _matcher(self) -> SchemaValidator | None:
        """The pattern in the engine of the Rust library ``regex``, which takes linear time."""
        if not self.pattern:
            return None
        try:
            _compiled(self.pattern)  # alone, so that no parenthesis of the pattern closes the one around it
            return _compiled(rf"\A(?:{self.pattern})\z")
        except SchemaError as error:
            reason = str(error).partition("SchemaError:")[2].strip().rpartition("error: ")[2].splitlines()[0]
            raise ValueError(f"pattern is not a valid expression: {reason}") from None

    def unfit_for(self, kinds: Iterable[object]) -> Sequence[str]:
        """Return the names of the conditions that no value of these types can meet."""
        has_text = has_number = False
        for kind in kinds:
            match kind:
                case type() if issubclass(kind, str):
                    has_text = True
                case type() if kind is not bool and issubclass(kind, (int, float, Decimal)):
                    has_number = True
        return (*(() if has_text else self.of_texts), *(() if has_number else self.of_numbers))

    def problems(self, value: object) -> Iterator[str]:
        """Yield what a value violates, in words without the value."""
        match value:
            case None:
                return
            case str():
                yield from self._text_problems(value)
            case bool():
                pass
            case int() | float() | Decimal():
                yield from self._number_problems(value)
        if self.one_of and not any(_is(value, allowed) for allowed in self.one_of):
            more = ", ..." if len(self.one_of) > _SHOWN else ""
            yield f"must be one of {', '.join(map(str, self.one_of[:_SHOWN]))}{more}"

    def _text_problems(self, text: str) -> Iterator[str]:
        if self.min_length is not None and len(text) < self.min_length:
            yield f"must have at least {self.min_length} characters"
        if self.max_length is not None and len(text) > self.max_length:
            yield f"must have at most {self.max_length} characters"
        elif self._matcher is not None and not self._matcher.isinstance_python(str(text)):
            yield f"must match {self.pattern}"
        if self.format is not None and not has_format(text, self.format):
            yield f"must be in the format {self.format}"

    def _number_problems(self, number: float | Decimal) -> Iterator[str]:
        for name, words, holds in _BOUNDS:
            bound: float | None = getattr(self, name)
            if bound is not None and not holds(number, _as(number, bound)):
                yield f"must be {words} {bound:g}"


def _is(value: object, allowed: object) -> bool:
    """Return whether a value is an allowed one. True is not 1."""
    return (type(value) is bool) is (type(allowed) is bool) and value == _as(value, allowed)


def _as(value: object, literal: T) -> T | Decimal:
    """Return a literal for a comparison with the value: 0.1 is exactly that for a Decimal."""
    match value, literal:
        case Decimal(), float():
            return Decimal(str(literal))
        case _:
            return literal


def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


_BOUNDS: tuple[tuple[str, str, Callable[..., bool]], ...] = (
    ("greater_or_equal", "at least", operator.ge),
    ("greater", "above", operator.gt),
    ("less_or_equal", "at most", operator.le),
    ("less", "below", operator.lt),
)
