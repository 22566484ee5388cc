"""Infers a message from a record of a schema, and from the same record in the schemas of other sampled writers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.adopt.avro.defaults import default_for
from onex.codegen.adopt.avro.shapes import (
    NULL,
    Array,
    Enumeration,
    Fixed,
    Map,
    Primitive,
    Record,
    RecordField,
    Scaled,
    Shape,
    Union,
    shown,
)
from onex.codegen.adopt.names import class_name, field_names
from onex.codegen.adopt.types import Choice, Digits, Field, Inferred, Listed, Mapped, Model, Plain, Sure
from onex.codegen.render.generatable import LARGEST_MESSAGE
from onex.errors import RejectedError
from onex.model.contract.field_type import DEEPEST_CONTAINERS
from onex.schema.types import MAX_PRECISION
from onex.util.redaction import Redactor

_MOST_SYMBOLS: Final = 64
"""An enum with more symbols becomes a text."""
_UNITS: Final[Mapping[str, str]] = {
    "time-millis": "milliseconds of the day",
    "time-micros": "microseconds of the day",
    "timestamp-nanos": "nanoseconds since 1970",
    "local-timestamp-millis": "milliseconds since 1970, without a zone",
    "local-timestamp-micros": "microseconds since 1970, without a zone",
    "local-timestamp-nanos": "nanoseconds since 1970, without a zone",
}
"""Logical types that no type of a message has: the number stays one, and this is its unit."""
_PLAIN: Final[Mapping[Primitive, str]] = {
    Primitive("boolean"): "bool",
    Primitive("int"): "int",
    Primitive("long"): "int",
    Primitive("float"): "float",
    Primitive("double"): "float",
    Primitive("bytes"): "bytes",
    Primitive("string"): "str",
    Primitive("string", "uuid"): "UUID",
    Primitive("int", "date"): "date",
    Primitive("long", "timestamp-millis"): "datetime",
    Primitive("long", "timestamp-micros"): "datetime",
}
_TOGETHER: Final[Sequence[tuple[frozenset[str], str]]] = (
    (frozenset({"int", "float"}), "float"),
    (frozenset({"str", "UUID"}), "str"),
)
"""Types that one type of a message reads by Avro's rules."""


class _LeftOutError(Exception):
    """A field has no type in a message. The text says why."""


@dataclass(frozen=True, slots=True)
class _Found:
    type: Inferred
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Made:
    """A class that was made for a record, which other places share."""

    model: Model
    place: str
    depth: int
    height: int
    """Levels below it that were looked at."""

    def is_for(self, depth: int) -> bool:
        """Return whether it is the class at this depth: it lacks the same fields for being too deep."""
        return depth == self.depth or max(depth, self.depth) + self.height <= DEEPEST_CONTAINERS


class AvroInference:
    """Infers one message. ``versions`` everywhere: the same place in each schema, the one that counts first."""

    def __init__(self, redactor: Redactor, without: frozenset[str] = frozenset(), *, enums: bool = True) -> None:
        """``redactor``: names of fields whose defaults are not written. ``without``: places that are left out, such
        as ``lines.note``. ``enums``: whether an enum is a choice."""
        self.notes: list[str] = []
        """What was left out, and why."""
        self._redactor = redactor
        self._without = without
        self._enums = enums
        self._unused = set(without)
        self._classes: set[str] = set()
        self._made: dict[tuple[tuple[Record, ...], frozenset[str]], list[_Made]] = {}
        """By record, and the places below it that are left out."""
        self._reached = 0
        """Depth of the deepest type that was looked at in the current record."""
        self._open: set[Record] = set()
        self._fields = 0

    def message(self, versions: Sequence[Record], name: str) -> Model:
        """Return the message. Raise RejectedError when no field can be used, or there are too many."""
        self._classes.add(name)
        model = self._model(versions, name, "", 0)
        if not model.fields:
            raise RejectedError(
                f"{versions[0].name[:80]}: no field of the record can be one of a message; "
                f"{'; '.join(self.notes)[:400]}"
            )
        self.notes += [f"--without {place[:80]}: the schema has no such field" for place in sorted(self._unused)]
        return model

    def _model(self, versions: Sequence[Record], name: str, place: str, depth: int) -> Model:
        record = versions[0]
        # Names of fields that are left out are taken, too: a record has them, and reading goes by names.
        names = field_names(sorted({field.name for version in versions for field in version.fields.values()}))
        self._open.add(record)
        fields = []
        for field in record.fields.values():
            at = f"{place}.{field.name}" if place else field.name
            if at in self._without:
                self._unused.discard(at)
                continue
            try:
                fields.append(self._field(field, versions, names[field.name], at, depth))
            except _LeftOutError as reason:
                self.notes.append(f"{at[:160]}: left out: {reason}")
        self._open.remove(record)
        return Model(name, tuple(fields), record.doc)

    def _field(self, field: RecordField, versions: Sequence[Record], name: str, at: str, depth: int) -> Field:
        others = [version.fields.get(field.name) for version in versions[1:]]
        shapes = [field.shape, *(other.shape for other in others if other is not None)]
        found = self._type(shapes, field.name, at, depth)
        self._fields += 1
        if self._fields > LARGEST_MESSAGE:
            raise RejectedError(
                f"{at[:160]}: the schema has more than {LARGEST_MESSAGE} fields; leave large parts out with "
                "--without PLACE"
            )
        lacking = others.count(None)
        is_optional = any(map(_is_nullable, shapes))
        default = None if self._redactor.hides(field.name) else default_for(field, found.type)
        notes = [found.why] if found.why else []
        if lacking:
            notes.append(f"{lacking} of {len(versions)} schemas lack it")
            renamed = any(alias in version.fields for version in versions[1:] for alias in field.aliases)
            if renamed:
                self.notes.append(f"{at[:160]}: has other names in older schemas, which are not read")
        if field.has_default and default is None and not (is_optional and field.default is None):
            notes.append("its default in the schema is not used")
        if lacking and default is None:
            is_optional = True
        return Field(
            name, field.name, at, found.type, is_optional, 0, 0, Sure.SURE, "; ".join(notes), default, field.doc
        )

    def _type(self, versions: Sequence[Shape], words: str, at: str, depth: int) -> _Found:
        """Return the type that reads all versions. Raise _LeftOutError."""
        self._reached = max(self._reached, depth)
        if depth > DEEPEST_CONTAINERS:
            raise _LeftOutError(f"more than {DEEPEST_CONTAINERS} records and lists in one another")
        branches = [_branches(version) for version in versions]
        if not branches[0]:
            raise _LeftOutError("always null")
        shapes = [shape for each in branches for shape in each]
        several = next((each for each in branches if len(each) > 1), ())
        plain = {_PLAIN.get(shape, "") if type(shape) is Primitive else "" for shape in shapes}
        if several and not plain <= {"int", "float"}:
            raise _LeftOutError(f"a union of {' and '.join(map(shown, several[:8]))}, which no field of a message is")
        return self._same(shapes, plain, words, at, depth)

    def _same(self, shapes: Sequence[Shape], plain: set[str], words: str, at: str, depth: int) -> _Found:
        """Return the type of shapes that have one sort."""
        if plain and "" not in plain:
            return _Found(Plain(_joined(plain, shapes)))
        kinds = {type(shape) for shape in shapes}
        match shapes[0]:
            case Primitive(_, logical) if set(shapes) == {shapes[0]}:
                return _Found(Plain("int"), f"{logical}: {_UNITS[logical]}")
            case Scaled() if kinds == {Scaled}:
                return _digits(shapes)
            case Enumeration() if kinds <= {Enumeration, Primitive}:
                return self._choice(shapes)
            case Primitive("string", "") if kinds <= {Enumeration, Primitive}:
                return self._choice(shapes)
            case Fixed() | Primitive("bytes") if all(type(s) is Fixed or s == Primitive("bytes") for s in shapes):
                sizes = sorted({shape.size for shape in shapes if type(shape) is Fixed})
                return _Found(Plain("bytes"), f"fixed: {' or '.join(map(str, sizes))} bytes")
            case Array() if kinds == {Array}:
                items = [shape.item for shape in shapes if type(shape) is Array]
                item = self._type(items, words, at, depth + 1)
                return _Found(Listed(item.type, any(map(_is_nullable, items))), item.why)
            case Map() if kinds == {Map}:
                items = [shape.item for shape in shapes if type(shape) is Map]
                item = self._type(items, words, at, depth + 1)
                return _Found(Mapped(item.type, any(map(_is_nullable, items))), item.why)
            case Record() if kinds == {Record}:
                records = tuple(dict.fromkeys(shape for shape in shapes if type(shape) is Record))
                return _Found(self._inner(records, at, depth))
        raise _differ(shapes)

    def _inner(self, records: tuple[Record, ...], at: str, depth: int) -> Model:
        if records[0] in self._open:
            raise _LeftOutError(f"a {shown(records[0])} within itself")
        without = frozenset(each.removeprefix(f"{at}.") for each in self._without if each.startswith(f"{at}."))
        made = self._made.setdefault((records, without), [])
        if (found := next((each for each in made if each.is_for(depth)), None)) is None:
            reached, self._reached = self._reached, depth
            short = records[0].name.rpartition(".")[2]
            model = self._model(records, class_name(short, self._classes), at, depth + 1)
            found = _Made(model, at, depth, self._reached - depth)
            made.append(found)
            self._reached = reached
        self._reached = max(self._reached, depth + found.height)
        self._unused -= {f"{at}.{each}" for each in without if f"{found.place}.{each}" not in self._unused}
        if not found.model.fields:
            raise _LeftOutError("no field in it can be used")
        return found.model

    def _choice(self, shapes: Sequence[Shape]) -> _Found:
        symbols = {symbol: None for shape in shapes if type(shape) is Enumeration for symbol in shape.symbols}
        match all(type(shape) is Enumeration for shape in shapes), any(s == Primitive("string") for s in shapes):
            case True, _ if self._enums and len(symbols) <= _MOST_SYMBOLS:
                return _Found(Choice(tuple(symbols)), "enum; a symbol that is added would be a dead letter")
            case True, _:
                return _Found(Plain("str"), f"enum of {len(symbols)} symbols")
            case _, True if all(type(s) is Enumeration or s == Primitive("string") for s in shapes):
                return _Found(Plain("str"), "enum, or a text in other schemas")
        raise _differ(shapes)


def _joined(names: set[str], shapes: Sequence[Shape]) -> str:
    """Return the type that reads all of these types. Raise _LeftOutError."""
    if len(names) == 1:
        return next(iter(names))
    for together, joined in _TOGETHER:
        if names <= together:
            return joined
    raise _differ(shapes)


def _differ(shapes: Sequence[Shape]) -> _LeftOutError:
    names = " and ".join(sorted({shown(shape) for shape in shapes})[:8])
    return _LeftOutError(f"the schemas of the sampled records differ: {names}")


def _digits(shapes: Sequence[Shape]) -> _Found:
    scaled = [shape for shape in shapes if type(shape) is Scaled]
    places = max(shape.scale for shape in scaled)
    digits = max(shape.precision - shape.scale for shape in scaled) + places
    if any(not 0 <= shape.scale <= shape.precision for shape in scaled) or digits > MAX_PRECISION:
        raise _LeftOutError("a decimal with a scale that no Decimal of a message has")
    return _Found(Digits(digits, places))


def _branches(shape: Shape) -> tuple[Shape, ...]:
    """Return the types that a value can have, without null."""
    match shape:
        case Union(branches):
            return tuple(branch for branch in branches if branch != NULL)
    return () if shape == NULL else (shape,)


def _is_nullable(shape: Shape) -> bool:
    match shape:
        case Union(branches):
            return NULL in branches
    return shape == NULL
