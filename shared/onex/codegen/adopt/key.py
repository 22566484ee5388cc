"""Finds the field that is the key of the records, and the source of their correlation ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.adopt.infer import sure_of
from onex.codegen.adopt.sample import SampledRecord
from onex.codegen.adopt.types import Choice, Field, Model, Plain, Sure
from onex.codegen.adopt.values import Object, Value
from onex.model.contract.message_type import LONGEST_HEADER

Read = Sequence[tuple[SampledRecord, Object]]
"""Records with their JSON."""
_HEADERS: Final = ("x-correlation-id", "correlation-id", "correlationid", "x-request-id", "request-id", "requestid")
_FIELDS: Final = ("correlation_id", "correlationid", "request_id", "requestid")
_OTHER_NAME: Final = 4
"""Rank of a name that is not like that of an id."""
_FEW: Final = 3
"""Different keys that show nothing: another field may equal them by chance."""


@dataclass(frozen=True, slots=True)
class KeyGuess:
    """The key field of the message."""

    field: str
    """Name in Python; empty for a message without key."""
    sure: Sure
    why: str


@dataclass(frozen=True, slots=True)
class CorrelationGuess:
    """The source of correlation ids. At least one is not empty."""

    header: str
    field: str
    why: str


def key_of(model: Model, records: Read) -> KeyGuess:
    """Return the field that equals the keys of the records, or else one that is named like an id."""
    keyed = [(key, data) for record, data in records if (key := _text(record.key))]
    candidates = [field for field in model.fields if not field.is_optional and _can_be_key(field)]
    equal = [
        field for field in candidates if keyed and all(_as_key(data.get(field.json)) == key for key, data in keyed)
    ]
    named = sorted(equal or candidates, key=lambda field: _rank(field, model.name))
    different = len({key for key, _ in keyed})
    if equal:
        why = f"equals the record key in {len(keyed)} records with {different} different keys"
        if len(equal) > 1:
            why += f"; so does {', '.join(field.json[:40] for field in named[1:4])}"
        sure = sure_of(len(keyed)) if different >= _FEW and len(equal) == 1 else Sure.UNSURE
        return KeyGuess(named[0].name, sure, why)
    why = f"no field equals the record key in all of {len(keyed)} records" if keyed else "the records have no key"
    if named and _rank(named[0], model.name) < _OTHER_NAME:
        return KeyGuess(named[0].name, Sure.UNSURE, f"{why}; {named[0].json[:40]} is named like an id")
    return KeyGuess("", Sure.UNSURE, f"{why}, and none is named like an id: the message has no key")


def correlation_of(model: Model, records: Read) -> CorrelationGuess | None:
    """Return the header or field that is named like a correlation id and that all records have; None without one."""
    header = next((name for wanted in _HEADERS for name in _common(records) if name.lower() == wanted), "")
    texts = [field for field in model.fields if field.type in (Plain("str"), Plain("UUID")) and not field.is_optional]
    field = next((f.name for wanted in _FIELDS for f in texts if f.json.lower() == wanted), "")
    if not header and not field:
        return None
    what = " and ".join([*(["a header"] if header else []), *(["a field"] if field else [])])
    return CorrelationGuess(header, field, f"{what} of all {len(records)} records with such a name")


def _common(records: Read) -> list[str]:
    """Return the names of headers that all records have, sorted."""
    names = [{name for name, value in record.headers.items() if value} for record, _ in records]
    return sorted(name for name in set.intersection(*names) if 0 < len(name) <= LONGEST_HEADER) if names else []


def _text(key: bytes | None) -> str:
    try:
        return (key or b"").decode()
    except UnicodeDecodeError:  # the key of a serializer
        return "\ufffd"


def _can_be_key(field: Field) -> bool:
    match field.type:
        case Plain(name):
            return name in ("str", "int", "UUID")
        case Choice():
            return True
    return False


def _as_key(value: Value) -> str:
    match value:
        case str():
            return value
        case bool():
            return ""
        case int():
            return str(value)
    return ""


def _rank(field: Field, message: str) -> int:
    """Return how little a name looks like that of the message's id; :data:`_OTHER_NAME` when it does not at all."""
    name = field.json.replace("_", "").replace("-", "").lower()
    ids: Mapping[str, int] = {f"{message.lower()}id": 0, "id": 1, f"{message.lower()}number": 2}
    return ids.get(name, _OTHER_NAME)
