"""Finds how readers of one schema read records of another. BACKWARD compatibility follows from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import fastavro
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import make_avsc_object

from onex.schema.avro_schema import FALLBACK, SYMBOLS, Schema
from onex.schema.foreign import AvroSchema

Node = dict[str, object]
_TIMES = ("timestamp-millis", "timestamp-micros")
_PROMOTED = (("string", "bytes"), ("bytes", "string"), ("long", "int"))
"""Types of reader and writer whose logical types decide whether Avro's promotion makes sense."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one difference on a reader. ``is_loss``: the reader refuses records of the writer."""

    is_loss: bool
    text: str


def backward_problems(new: Schema, latest: Schema) -> list[str]:
    """Return the reasons why ``new`` cannot read data of ``latest``; empty when it can."""
    return [effect.text for effect in effects(new, latest) if effect.is_loss]


def effects(reader: Schema, writer: Schema) -> list[Effect]:
    """Return the effect of each difference between the schemas; empty when they are equal."""
    unresolved = [Effect(True, text) for text in _avro_problems(reader, writer)]
    read, written = _parsed(reader), _parsed(writer)
    differences = list(dict.fromkeys(_Walk(_names(read), _names(written)).effects(read, written, "")))
    # One reason is enough: Avro's own check already names a field without a default.
    return [*unresolved, *(effect for effect in differences if not unresolved or effect.is_loss)]


def described(reader: Schema, writer: Schema) -> str:
    """Return the effects as one line: losses first, ``compatible`` when there are none."""
    every = effects(reader, writer)
    losses = [effect.text for effect in every if effect.is_loss]
    others = [effect.text for effect in every if not effect.is_loss]
    return "; ".join([f"dead letters: {', '.join(losses)}" if losses else "compatible", *others])


def _avro_problems(reader: Schema, writer: Schema) -> list[str]:
    result = ReaderWriterCompatibilityChecker().get_compatibility(make_avsc_object(reader), make_avsc_object(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    return [
        f"{message} (at {place})"
        for message, place in zip(sorted(result.messages), sorted(result.locations), strict=False)
    ]


def _parsed(schema: Schema) -> Node:
    return cast(Node, fastavro.parse_schema(cast(AvroSchema, schema)))


def _names(parsed: Node) -> Mapping[str, Node]:
    return cast(Mapping[str, Node], parsed.get("__named_schemas", {}))


class _Walk:
    """Walks through the places that both schemas have."""

    def __init__(self, read: Mapping[str, Node], written: Mapping[str, Node]) -> None:
        self._read = read
        self._written = written
        self._seen: set[tuple[object, object]] = set()

    def effects(self, reader: object, writer: object, place: str) -> Iterator[Effect]:
        """Yield the effects of differences at a place and below it."""
        for theirs in _branches(writer, self._written):
            for ours in _branches(reader, self._read):
                if _may_meet(ours, theirs):
                    yield from self._of_pair(ours, theirs, place)

    def _of_pair(self, ours: Node, theirs: Node, place: str) -> Iterator[Effect]:
        match ours["type"]:
            case "record":
                yield from self._of_records(ours, theirs, place)
            case "array":
                yield from self.effects(ours["items"], theirs["items"], place)
            case "map":
                yield from self.effects(ours["values"], theirs["values"], place)
            case "string" | "bytes" if ours["type"] != theirs["type"]:
                if ours["type"] == "string" or {"logicalType"} & (ours.keys() | theirs.keys()):
                    yield Effect(True, f"{place}: {_name(theirs)} is no {_name(ours)}")
            case _:
                yield from _of_symbols(ours, theirs, place)
                if reason := _logical_problem(ours, theirs):
                    yield Effect(True, f"{place}: {reason}")

    def _of_records(self, ours: Node, theirs: Node, place: str) -> Iterator[Effect]:
        if (pair := (ours["name"], theirs["name"])) in self._seen:
            return
        self._seen.add(pair)
        mine = {str(field["name"]): field for field in cast(list[Node], ours["fields"])}
        others = {str(field["name"]): field for field in cast(list[Node], theirs["fields"])}
        for name, field in mine.items():
            at = f"{place}.{name}" if place else name
            if name in others:
                yield from self.effects(field["type"], others[name]["type"], at)
            elif "default" in field:
                yield Effect(False, f"default used for {at}")
        for name in others.keys() - mine.keys():
            yield Effect(False, f"{f'{place}.{name}' if place else name} ignored")


def _branches(schema: object, names: Mapping[str, Node]) -> list[Node]:
    branches = schema if isinstance(schema, list) else [schema]
    return [names.get(each, {"type": each}) if isinstance(each, str) else cast(Node, each) for each in branches]


def _may_meet(ours: Node, theirs: Node) -> bool:
    if ours["type"] == theirs["type"] == "record":
        return str(ours["name"]).rpartition(".")[2] == str(theirs["name"]).rpartition(".")[2]
    return ours["type"] == theirs["type"] or (ours["type"], theirs["type"]) in _PROMOTED


def _name(node: Node) -> object:
    return node.get("logicalType", node["type"])


def _of_symbols(ours: Node, theirs: Node, place: str) -> Iterator[Effect]:
    symbols, sent = ours.get(SYMBOLS), theirs.get(SYMBOLS)
    if not isinstance(symbols, list):
        return
    if not isinstance(sent, list):
        if ours["type"] == theirs["type"] and FALLBACK not in ours:
            # A schema of an earlier version does not show whether a text was an enum's: it is not refused for that.
            yield Effect(False, f"{place} with any value but {', '.join(map(repr, symbols))} is refused")
        return
    if unknown := [symbol for symbol in sent if symbol not in symbols]:
        values = ", ".join(repr(symbol) for symbol in unknown)
        if FALLBACK in ours:
            yield Effect(False, f"{place} with {values} read as {ours[FALLBACK]!r}")
        else:
            yield Effect(True, f"{place} with {values} is refused")


def _logical_problem(ours: Node, theirs: Node) -> str:
    """Return why values of the writer's logical type may not be values of the reader's; empty when all are."""
    mine, other = ours.get("logicalType"), theirs.get("logicalType")
    if mine == other == "decimal":
        before, after = (_digits(node) for node in (theirs, ours))
        fits = after[0] >= before[0] and after[1] >= before[1]
        return "" if fits else "a decimal of fewer digits or places"
    if mine == other or mine is None or (mine in _TIMES and other in _TIMES):
        return ""
    return f"{_name(theirs)} is no {mine}"


def _digits(node: Node) -> tuple[int, int]:
    """Return the number of digits before and after the decimal point."""
    precision, scale = node.get("precision", 0), node.get("scale", 0)
    return cast(int, precision) - cast(int, scale), cast(int, scale)
