"""Counts what the records have at each place of their JSON."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from onex.codegen.adopt.texts import LONGEST, forms_of
from onex.codegen.adopt.values import Value
from onex.errors import RejectedError

MOST_VALUES: Final = 8
"""Values of a field that can become an enum."""
_MOST_PLACES: Final = 20_000
_MOST_LEVELS: Final = 32


@dataclass(slots=True)
class Numbers:
    """Numbers at one place."""

    whole: int = 0
    fractions: int = 0
    """Numbers with a fraction or an exponent."""
    most_digits: int = 0
    """Digits before the point."""
    most_places: int = 0
    """Digits behind the point."""
    is_scientific: bool = False
    """Whether some have an exponent, or are not finite."""
    is_long: bool = True
    """Whether all whole numbers have 64 bits."""

    def add(self, value: int | float | Decimal) -> None:
        """Count a number."""
        match value:
            case int():
                self.whole += 1
                self.is_long &= -(2**63) <= value < 2**63
                self.most_digits = max(self.most_digits, len(str(abs(value))))
            case Decimal():
                self.fractions += 1
                exponent = int(value.as_tuple().exponent)  # JSON's numbers are finite
                self.is_scientific |= exponent > 0 or "E" in str(value)
                self.most_places = max(self.most_places, -exponent)
                self.most_digits = max(self.most_digits, value.adjusted() + 1)
            case _:
                self.fractions += 1
                self.is_scientific = True

    def merge(self, other: "Numbers") -> None:
        """Add the numbers of another place."""
        self.whole += other.whole
        self.fractions += other.fractions
        self.most_digits = max(self.most_digits, other.most_digits)
        self.most_places = max(self.most_places, other.most_places)
        self.is_scientific |= other.is_scientific
        self.is_long &= other.is_long


@dataclass(slots=True)
class Texts:
    """Texts at one place."""

    count: int = 0
    forms: frozenset[str] = frozenset()
    """Forms that all texts have."""
    values: Counter[str] = field(default_factory=Counter[str])
    """How often each text was seen; one more than :data:`MOST_VALUES` when there are more."""

    def add(self, text: str) -> None:
        """Count a text."""
        forms = forms_of(text)
        self.forms = forms if self.count == 0 else self.forms & forms
        self.count += 1
        self._note(text[: LONGEST + 1], 1)

    def merge(self, other: "Texts") -> None:
        """Add the texts of another place."""
        if other.count:
            self.forms = other.forms if self.count == 0 else self.forms & other.forms
            self.count += other.count
            for text, count in other.values.items():
                self._note(text, count)

    def _note(self, text: str, count: int) -> None:
        if text in self.values or len(self.values) <= MOST_VALUES:
            self.values[text] += count


@dataclass(slots=True)
class Seen:
    """What the records have at one place."""

    nulls: int = 0
    truths: int = 0
    numbers: Numbers = field(default_factory=Numbers)
    texts: Texts = field(default_factory=Texts)
    lists: int = 0
    items: "Seen | None" = None
    """What the lists have."""
    objects: int = 0
    fields: dict[str, "Seen"] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of values, without nulls."""
        return sum(self.sorts.values())

    @property
    def sorts(self) -> dict[str, int]:
        """Number of values by sort, without nulls and without sorts that do not occur."""
        numbers = self.numbers.whole + self.numbers.fractions
        counts = {
            "truth value": self.truths,
            "number": numbers,
            "text": self.texts.count,
            "list": self.lists,
            "object": self.objects,
        }
        return {sort: count for sort, count in counts.items() if count}

    def merge(self, other: "Seen") -> None:
        """Add what another place has."""
        self.nulls += other.nulls
        self.truths += other.truths
        self.numbers.merge(other.numbers)
        self.texts.merge(other.texts)
        self.lists += other.lists
        self.objects += other.objects
        if other.items is not None:
            self.items = self.items or Seen()
            self.items.merge(other.items)
        for name, inner in other.fields.items():
            self.fields.setdefault(name, Seen()).merge(inner)


class Observer:
    """Counts the values of records, in bounded memory."""

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        """``without``: places that are read over, such as ``lines.note``."""
        self.root = Seen()
        self._without = without
        self._places = 0

    def add(self, value: Value) -> None:
        """Count a record. Raise RejectedError when the records have too many different places, or are too deep."""
        self._add(self.root, value, "", 0)

    def _add(self, seen: Seen, value: Value, place: str, level: int) -> None:
        if level > _MOST_LEVELS:
            raise _left_out(place, f"has more than {_MOST_LEVELS} levels of objects and lists")
        match value:
            case None:
                seen.nulls += 1
            case bool():
                seen.truths += 1
            case int() | float() | Decimal():
                seen.numbers.add(value)
            case str():
                seen.texts.add(value)
            case dict():
                seen.objects += 1
                for name, inner in value.items():
                    at = f"{place}.{name}" if place else name
                    if at not in self._without:
                        self._add(self._field(seen, name, place), inner, at, level + 1)
            case list():
                seen.lists += 1
                if value and seen.items is None:
                    seen.items = Seen()
                for item in value:
                    assert seen.items is not None
                    self._add(seen.items, item, place, level + 1)

    def _field(self, seen: Seen, name: str, place: str) -> Seen:
        if (found := seen.fields.get(name)) is not None:
            return found
        self._places += 1
        if self._places > _MOST_PLACES:
            raise _left_out(place, f"and others have more than {_MOST_PLACES} different fields")
        return seen.fields.setdefault(name, Seen())


def _left_out(place: str, words: str) -> RejectedError:
    top = place.partition(".")[0]
    remedy = f"leave it out with --without {top[:80]!r}" if top else "write the message by hand"
    return RejectedError(f"{place[:80] or 'the records'} {words}; {remedy}")
