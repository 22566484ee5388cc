"""Infers the types of a message from what the records have."""

import re
from dataclasses import dataclass
from typing import Final

from onex.codegen.adopt.names import LONGEST_ALIAS, class_name, field_names, singular
from onex.codegen.adopt.seen import MOST_VALUES, Numbers, Seen, Texts
from onex.codegen.adopt.texts import WORD
from onex.codegen.adopt.types import Choice, Digits, Field, Inferred, Listed, Mapped, Model, Plain, Sure
from onex.codegen.render.generatable import LARGEST_MESSAGE
from onex.errors import RejectedError
from onex.model.contract.field_type import DEEPEST_CONTAINERS
from onex.util.redaction import Redactor

_MANY: Final = 30
"""Values that make a type sure."""
_SOME: Final = 10
"""Values that make a type likely."""
_MONEY: Final = re.compile(
    r"price|amount|total|cost|fee|tax|vat|balance|salary|discount|sum|subtotal|net|gross|charge|refund|payment|value",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_USUAL_DIGITS: Final = 18
"""Digits of a Decimal: as many as 64 bits have."""
_MOST_DIGITS: Final = 76
_MOST_PLACES: Final = 6
_FEWEST_FOR_ENUM: Final = 20
_MAP_NAMES: Final = 8
"""An object with more names, of which most objects lack most, is a map."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A type with its sureness."""

    type: Inferred
    sure: Sure
    why: str = ""


class Inference:
    """Infers one message. Notes and refusals name the place in the JSON."""

    def __init__(self, redactor: Redactor, *, enums: bool = True) -> None:
        """``redactor``: names of fields whose values are not written, so that they do not become enums."""
        self.notes: list[str] = []
        """What was left out, and why."""
        self._redactor = redactor
        self._enums = enums
        self._classes: set[str] = set()
        self._fields = 0

    def message(self, root: Seen, name: str) -> Model:
        """Return the message of all records. Raise RejectedError when they have no common one."""
        self._classes.add(name)
        if _is_map(root):
            raise RejectedError(
                f"the records have {len(root.fields)} different fields, and most of them lack most: no message has "
                "them; if the topic has several types of messages, bind each by hand (docs/existing-topics.md)"
            )
        model = self._model(root, name, "", 0)
        if not model.fields:
            raise RejectedError("the records have no field with a value; sample others with --earliest or --records")
        return model

    def _model(self, seen: Seen, name: str, place: str, depth: int) -> Model:
        usable = {json: inner for json, inner in seen.fields.items() if self._is_usable(json, inner, place)}
        names = field_names(usable)
        self._fields += len(usable)
        if self._fields > LARGEST_MESSAGE:
            raise RejectedError(
                f"{place[:80] or 'the message'}: the records have more than {LARGEST_MESSAGE} fields; leave large "
                "parts out with --without PLACE"
            )
        fields = []
        for json, inner in usable.items():
            at = f"{place}.{json}" if place else json
            guess = self._guess(inner, json, name, at, depth)
            missing = seen.objects - inner.count
            why = guess.why
            fields.append(
                Field(names[json], json, at, guess.type, missing > 0, inner.count, seen.objects, guess.sure, why)
            )
        return Model(name, tuple(fields))

    def _is_usable(self, json: str, inner: Seen, place: str) -> bool:
        at = f"{place}.{json}" if place else json
        reason = ""
        if not json or len(json) > LONGEST_ALIAS:
            reason = f"a name has 1 to {LONGEST_ALIAS} characters"
        elif not inner.count:
            reason = "always null"
        elif _is_empty(inner):
            reason = "always empty"
        if reason:
            self.notes.append(f"{at[:80]}: left out: {reason}")
        return not reason

    def _guess(self, seen: Seen, json: str, outer: str, at: str, depth: int) -> Guess:
        """Return the type of the values at a place. Raise RejectedError for values of several sorts."""
        if len(sorts := seen.sorts) > 1:
            parts = " and ".join(f"a {sort} in {count}" for sort, count in sorts.items())
            raise RejectedError(
                f"{at[:80]}: is {parts} of the values; no type has both: leave it out with --without {at[:80]!r}"
            )
        if depth >= DEEPEST_CONTAINERS:
            raise RejectedError(
                f"{at[:80]}: more than {DEEPEST_CONTAINERS} objects and lists in one another; leave it out with "
                f"--without {at[:80]!r}"
            )
        sure = sure_of(seen.count)
        if seen.truths:
            return Guess(Plain("bool"), sure)
        if seen.texts.count:
            return self._text(seen.texts, json, at)
        if seen.lists:
            assert seen.items is not None  # empty lists were left out
            item = self._guess(seen.items, singular(json), outer, at, depth + 1)
            return Guess(Listed(item.type, seen.items.nulls > 0), item.sure, item.why)
        if seen.objects:
            return self._object(seen, json, outer, at, depth)
        return _number(seen.numbers, json)

    def _object(self, seen: Seen, json: str, outer: str, at: str, depth: int) -> Guess:
        if not _is_map(seen):
            name = class_name(json, self._classes, outer)
            model = self._model(seen, name, at, depth + 1)
            if not model.fields:
                raise RejectedError(f"{at[:80]}: no name in it can be used; leave it out with --without {at[:80]!r}")
            return Guess(model, sure_of(seen.objects))
        values = Seen()
        for inner in seen.fields.values():
            values.merge(inner)
        if _is_empty(values) or not values.count:
            return Guess(Mapped(Plain("str"), nullable=True), Sure.UNSURE, "an object without values")
        item = self._guess(values, json, outer, at, depth + 1)
        why = f"{len(seen.fields)} names in {seen.objects} objects: names are data"
        return Guess(Mapped(item.type, values.nulls > 0), min(item.sure, Sure.LIKELY, key=_order), why)

    def _text(self, texts: Texts, json: str, at: str) -> Guess:
        sure = sure_of(texts.count)
        for form in ("UUID", "datetime", "date"):
            if form in texts.forms:
                return Guess(Plain(form), sure, f"all {texts.count} texts are one")
        places = next((form for form in texts.forms if form.startswith(".")), "")
        is_number = len(texts.values) > 2 and "version" not in json.lower()
        if places and texts.count > 2 and (is_number or _is_money(json)):
            why = f"all texts are numbers with {places[1:]} decimal places"
            return Guess(Digits(_USUAL_DIGITS + 6, int(places[1:])), min(sure, Sure.LIKELY, key=_order), why)
        is_hidden = any(map(self._redactor.hides, (json, *at.split("."))))  # also below a hidden object
        if self._enums and _is_choice(texts) and not is_hidden:
            why = f"{len(texts.values)} values in {texts.count} texts; another value would be a dead letter"
            likely = texts.count >= 25 * len(texts.values)
            return Guess(Choice(tuple(sorted(texts.values))), Sure.LIKELY if likely else Sure.UNSURE, why)
        return Guess(Plain("str"), sure)


def sure_of(count: int) -> Sure:
    """Return how sure a type is that this number of values have."""
    return Sure.SURE if count >= _MANY else Sure.LIKELY if count >= _SOME else Sure.UNSURE


def _order(sure: Sure) -> int:
    return [Sure.UNSURE, Sure.LIKELY, Sure.SURE].index(sure)


def _number(numbers: Numbers, json: str) -> Guess:
    count = numbers.whole + numbers.fractions
    if not numbers.fractions:
        if numbers.is_long:
            money = _is_money(json)
            why = "only whole numbers seen" if money else ""
            return Guess(Plain("int"), min(sure_of(count), Sure.LIKELY, key=_order) if money else sure_of(count), why)
        digits = max(_USUAL_DIGITS, numbers.most_digits)
        return Guess(Digits(digits, 0), Sure.LIKELY, "more than 64 bits") if digits <= _MOST_DIGITS else _float(count)
    fits = not numbers.is_scientific and numbers.most_places <= _MOST_PLACES
    if fits and _is_money(json) and numbers.most_digits <= _USUAL_DIGITS - _MOST_PLACES:
        places = max(2, numbers.most_places)
        why = f"named like money, at most {numbers.most_places} decimal places; more would be a dead letter"
        return Guess(Digits(_USUAL_DIGITS, places), min(sure_of(count), Sure.LIKELY, key=_order), why)
    return _float(count)


def _float(count: int) -> Guess:
    return Guess(Plain("float"), sure_of(count))


def _is_money(json: str) -> bool:
    return any(_MONEY.fullmatch(word) for word in _WORDS.findall(json))


def _is_choice(texts: Texts) -> bool:
    """Return whether few words occur often."""
    values = texts.values
    return (
        WORD in texts.forms
        and texts.count >= _FEWEST_FOR_ENUM
        and 2 <= len(values) <= MOST_VALUES
        and min(values.values()) >= 2
        and texts.count >= 5 * len(values)
    )


def _is_map(seen: Seen) -> bool:
    """Return whether the names of an object are data: there are many, and each object has few of them."""
    names = len(seen.fields)
    if names <= _MAP_NAMES:
        return False
    present = sum(inner.count + inner.nulls for inner in seen.fields.values())
    varies = present * 2 < names * seen.objects
    return varies or (names > LARGEST_MESSAGE and seen.objects == 1)


def _is_empty(seen: Seen) -> bool:
    """Return whether there are only lists without items, or only objects without fields with values."""
    match seen.sorts:
        case {"list": _, **others} if not others:
            return seen.items is None or not seen.items.count or _is_empty(seen.items)
        case {"object": _, **others} if not others:
            return all(not inner.count or _is_empty(inner) for inner in seen.fields.values())
    return False
