"""A writer's schema and ours, prepared so that fastavro resolves one with the other.

The topic decides which message a record is, not its name: where we read one record, any name fits. Types that our
schemas do not have (``enum``, ``fixed``) become further branches of what we read. Aliases of the writer's fields
count as well as ours. Logical types follow the specification: the underlying value, as the reader's logical type.
"""

from collections.abc import Iterator, Mapping
from typing import cast

import fastavro
from fastavro.schema import SchemaParseException
from pydantic import BaseModel

from onex.errors import SchemaMismatchError
from onex.schema.foreign import AvroSchema, exact_decimal, with_exact_decimals
from onex.schema.types import Array, AvroType, Map, Nullable, OneOf, Record, fields_of
from onex.util.default_value import default_of, has_default, plain

Node = dict[str, object]
_NAMES = "__named_schemas"
_TIMES = ("timestamp-millis", "timestamp-micros")
_OF_WRITERS = ("fixed", "enum")
_RECORDS = ("record", "error")
_UNUSABLE = (SchemaParseException, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def resolve(writer: AvroSchema, model: type[BaseModel], own: AvroSchema) -> tuple[AvroSchema, AvroSchema]:
    """Return the writer's schema and the reader's, for ``fastavro.schemaless_reader``.

    Fields that the writer lacks get the default of the model. Raises SchemaMismatchError for a schema that is not
    valid, and for a field whose logical types have nothing in common.
    """
    try:
        written = cast(object, fastavro.parse_schema(with_exact_decimals(writer)))
        read = cast(Node, fastavro.parse_schema(own))
        _put_defaults(model, _names(read))
        written, _ = _Pairing(written, read).pair(written, read, model.__name__)
    except _UNUSABLE as error:
        raise SchemaMismatchError(f"not a valid Avro schema: {type(error).__name__}: {error}") from None
    return cast(AvroSchema, written), cast(AvroSchema, read)


def _names(parsed: object) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in parsed if isinstance(parsed, list) else [parsed]:
        if isinstance(node, dict):
            found |= cast(dict[str, Node], node.get(_NAMES, {}))
    return found


def _put_defaults(model: type[BaseModel], names: Mapping[str, Node]) -> None:
    """fastavro hands out a default as the schema has it, which for most types is no value of the type."""
    for record in _models(model, set()):
        for field in cast(list[Node], names[f"onex.{record.__name__}"]["fields"]):
            default = default_of(record.model_fields[str(field["name"])])
            if has_default(default):
                field["default"] = plain(default)


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model not in seen:
        seen.add(model)
        yield model
        for kind in fields_of(model).values():
            for inner in _records(kind):
                yield from _models(inner, seen)


def _records(kind: AvroType) -> tuple[type[BaseModel], ...]:
    match kind:
        case Array(item) | Map(item) | Nullable(item):
            return _records(item)
        case Record(model):
            return (model,)
        case OneOf(models):
            return models
        case _:
            return ()


class _Pairing:
    """Walks both schemas where they meet. The nodes are changed in place; scalars are given back."""

    def __init__(self, written: object, read: Node) -> None:
        self._written = _names(written)
        self._read = _names(read)
        self._seen: set[tuple[str, str]] = set()
        self._open: set[str] = set()
        """Records of the writer around this place."""
        for node in self._read.values():
            node["aliases"] = list(cast(list[str], node.get("aliases", [])))
        read["aliases"] = self._read[str(read["name"])]["aliases"]  # the top record is there twice

    def pair(self, written: object, read: object, place: str) -> tuple[object, object]:
        """Return both, with what this place needs."""
        if isinstance(written, str) and written not in self._open:
            # fastavro cannot look up the name of a type that it meets in a union of the reader.
            written = self._written.get(written, written)
        if isinstance(written, list):
            for index, branch in enumerate(written):
                written[index], read = self.pair(branch, read, place)
            return written, read
        if isinstance(read, list):
            return self._into_union(written, read, place)
        source, target = self._node(written, self._written), self._node(read, self._read)
        match source["type"], target["type"]:
            case (("record" | "error"), "record"):
                self._records(source, target)
            case "array", "array":
                source["items"], target["items"] = self.pair(source["items"], target["items"], place)
            case "map", "map":
                source["values"], target["values"] = self.pair(source["values"], target["values"], place)
            case ("fixed", "bytes" | "string") | ("enum", "string"):
                return written, [read, source]
            case "int" | "long" | "string" | "bytes", "int" | "long" | "double" | "string" | "bytes":
                return _logical(source, target, place), read
        return written, read

    def _node(self, schema: object, names: Mapping[str, Node]) -> Node:
        if isinstance(schema, str):
            return names.get(schema, {"type": schema})
        return cast(Node, schema)

    def _into_union(self, written: object, read: list[object], place: str) -> tuple[object, list[object]]:
        """The branch that a writer's type can only mean, if there is one; records of a union go by their names."""
        source = self._node(written, self._written)
        nodes = [self._node(branch, self._read) for branch in read]
        ours = [at for at, node in enumerate(nodes) if node["type"] not in ("null", *_OF_WRITERS)]
        if len(ours) > 1:
            name = _unqualified(source)
            ours = [at for at in ours if name and name in (_unqualified(nodes[at]), *_aliases(nodes[at]))]
        if source["type"] == "null" or len(ours) != 1 or any(source is node for node in nodes):
            return written, read
        written, branch = self.pair(written, read[ours[0]], place)
        return written, [*read[: ours[0]], *(branch if isinstance(branch, list) else [branch]), *read[ours[0] + 1 :]]

    def _records(self, source: Node, target: Node) -> None:
        pair = (str(source["name"]), str(target["name"]))
        if pair in self._seen:
            return
        self._seen.add(pair)
        cast(list[str], target["aliases"]).append(pair[0])
        outer = pair[0] in self._open
        self._open.add(pair[0])
        fields = {str(field["name"]): field for field in cast(list[Node], source["fields"])}
        for field in cast(list[Node], target["fields"]):
            name = str(field["name"])
            found = next((each for each in (name, *_aliases(field)) if each in fields), None)
            found = found or next((each for each, theirs in fields.items() if name in _aliases(theirs)), None)
            # One source a field: fastavro fails on a record that has both a name and its alias.
            field["aliases"] = [found] if found not in (None, name) else []
            if found is not None:
                place = f"{_unqualified(target)}: {name}"
                fields[found]["type"], field["type"] = self.pair(fields[found]["type"], field["type"], place)
        if not outer:
            self._open.remove(pair[0])


def _logical(source: Node, target: Node, place: str) -> object:
    """The writer's scalar, so that fastavro makes of it what our logical type says."""
    theirs, ours = source.get("logicalType"), target.get("logicalType")
    if theirs == ours or (theirs in _TIMES and ours in _TIMES):
        return source
    if ours == "decimal":
        return exact_decimal(target, place) | {"type": source["type"]} if theirs is None else source
    if ours is None:
        return source["type"]
    if theirs is None:
        return source["type"] if ours == "uuid" else {"type": source["type"], "logicalType": ours}
    raise SchemaMismatchError(f"{place}: {theirs} of the writer is no {ours}")


def _unqualified(node: Node) -> str:
    return str(node.get("name", "")).rpartition(".")[2]


def _aliases(node: Node) -> list[str]:
    return [str(alias).rpartition(".")[2] for alias in cast(list[object], node.get("aliases", []))]
