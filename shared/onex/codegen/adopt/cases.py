"""Golden cases from sampled records, without secrets and in bounded size."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import yaml
from pydantic import JsonValue

from onex.codegen.adopt.types import Choice, Digits, Field, Inferred, Listed, Mapped, Model, Plain
from onex.codegen.adopt.values import Object, Value
from onex.util.printable import printable
from onex.util.redaction import HIDDEN, Redactor

_LARGEST: Final = 32 * 1024
"""Characters of a message in a case."""
_LONGEST_TEXT: Final = 120
"""Characters of a text in a case. Four of them are three bytes."""
_MOST_ITEMS: Final = 3
"""Items of a list or map in a case."""
_COMPARED: Final = 8
"""Fields whose value a case states."""
_SAME: Final[tuple[Inferred, ...]] = (Plain("str"), Plain("int"), Plain("bool"), Plain("UUID"), Plain("date"))
"""Types whose values a message has in the form of the record."""
_WEIRD: Final = "*\\"
"""Characters with a meaning in expected texts."""
_NEUTRAL: Final[dict[str, JsonValue]] = {
    "str": HIDDEN,
    "int": 0,
    "float": 0.0,
    "bool": False,
    "bytes": "",
    "datetime": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "UUID": "00000000-0000-0000-0000-000000000000",
}


def cases_text(model: Model, records: Sequence[Object], most: int, redactor: Redactor, form: str) -> str:
    """Return ``cases.yaml``: the records that show most of the fields, and one that is refused.

    ``form``: what each record is, ``a JSON object``.
    """
    cases: list[JsonValue] = []
    for number, data in enumerate(_telling(model, records, most), 1):
        sent = _message(model, data, redactor)
        if len(json.dumps(sent)) > _LARGEST:
            continue
        cases.append(
            {
                "name": f"record {number} of the sample is passed on",
                "when": {model.name: sent},
                "then": {"publishes": [{model.name: _expected(model, sent)}]},
            }
        )
    cases.append(
        {
            "name": f"bytes that are no {form} become a dead letter",
            "when": {"bytes": b"no JSON".hex()},
            "then": {"dead_letter": {"stage": "decode"}},
        }
    )
    return str(yaml.safe_dump(cases, sort_keys=False, allow_unicode=False, width=110))


def _telling(model: Model, records: Sequence[Object], most: int) -> list[Object]:
    """Return records that together have as many of the optional fields as possible: each adds the most."""
    left = {field.json for field in model.fields}
    chosen: list[Object] = []
    remaining = list(records)
    while remaining and len(chosen) < most:
        best = max(range(len(remaining)), key=lambda i: len(left & _present(remaining[i])))
        data = remaining.pop(best)
        if chosen and not left & _present(data):
            break
        chosen.append(data)
        left -= _present(data)
    return chosen


def _present(data: Object) -> set[str]:
    return {name for name, value in data.items() if value is not None}


def _message(model: Model, data: Object, redactor: Redactor) -> dict[str, JsonValue]:
    sent: dict[str, JsonValue] = {}
    for field in model.fields:
        value = data.get(field.json)
        if value is None:
            continue
        hidden = redactor.hides(field.json) or redactor.hides(field.name)
        sent[field.json] = _neutral(field.type) if hidden else _value(field.type, value, redactor)
    return sent


def _value(kind: Inferred, value: Value, redactor: Redactor) -> JsonValue:
    match kind, value:
        case _, None:
            return None
        case Model(), dict():
            return _message(kind, value, redactor)
        case Listed(item), list():
            return [_value(item, each, redactor) for each in value[:_MOST_ITEMS]]
        case Mapped(item), dict():
            return {
                name: _neutral(item) if redactor.hides(name) else _value(item, each, redactor)
                for name, each in list(value.items())[:_MOST_ITEMS]
            }
        case Plain("str" | "bytes"), str():
            return value[:_LONGEST_TEXT]
        case _, Decimal():
            return _number(value)
        case _, (bool() | int() | float() | str()) as scalar:
            return scalar
    raise AssertionError(f"{type(value).__name__} is no {kind}")  # the type was inferred from this value


def _number(value: Decimal) -> JsonValue:
    """Return a float with the same digits, or a text."""
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def _neutral(kind: Inferred) -> JsonValue:
    """Return a value of a type that is of no record."""
    match kind:
        case Plain(name):
            return _NEUTRAL[name]
        case Digits():
            return "0"
        case Choice(values):
            return values[0]
        case Listed():
            return []
        case Mapped():
            return {}
        case Model(_, fields):
            return {field.json: _neutral(field.type) for field in fields if not field.is_optional}


def _expected(model: Model, sent: dict[str, JsonValue]) -> JsonValue:
    """Return the values that the published message has in the same form, by their names in Python."""
    return {
        field.name: sent[field.json]
        for field in _comparable(model.fields)
        if field.json in sent and not _has_meaning(sent[field.json])
    }


def _comparable(fields: Iterable[Field]) -> list[Field]:
    same = [field for field in fields if field.type in _SAME]
    return same[:_COMPARED]


def _has_meaning(value: JsonValue) -> bool:
    match value:
        case str():
            weird = any(character in value for character in _WEIRD)
            return weird or printable(value) != value or _is_like_time(value)
    return False


def _is_like_time(text: str) -> bool:
    return text[:4].isdigit() and "-" in text[:6]
