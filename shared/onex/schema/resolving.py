"""Prepares a writer's schema and ours so that fastavro resolves one with the other.

The topic decides the type of a record, not its name: where our schema has a single record, any name fits. Types that
our schemas do not have (``enum``, ``fixed``) are added to the reader's schema as further branches. Aliases of the
writer's fields count, too. Logical types follow the specification: the underlying value is read as the reader's
logical type.
"""

from collections.abc import Iterator, Mapping
from typing import cast

import fastavro
from pydantic import BaseModel, JsonValue

from onex.errors import SchemaMismatchError
from onex.schema.avro_schema import avro_schema
from onex.schema.foreign import INVALID, AvroSchema, exact_decimal, parsed_writer
from onex.schema.hazards import is_recursive
from onex.schema.record_names import names_text, record_names
from onex.schema.references import definitions_of
from onex.schema.types import Array, AvroType, Map, Nullable, OneOf, Record, fields_of
from onex.util.default_value import default_of, has_default, plain

Node = dict[str, object]
_NAMES = "__named_schemas"
_TIMES = ("timestamp-millis", "timestamp-micros")
_OF_WRITERS = ("fixed", "enum")
_RECORDS = ("record", "error")


def resolve(
    writer: AvroSchema,
    model: type[BaseModel],
    reader: AvroSchema,
    missing: list[str] | None = None,
    record: str = "",
    sources: dict[tuple[str, str], set[str]] | None = None,
) -> tuple[AvroSchema, AvroSchema]:
    """Return the writer's and the reader's schema for ``fastavro.schemaless_reader``.

    ``reader`` is the schema of ``model``. Fields that the writer lacks get the default of the model. Raise
    SchemaMismatchError for an invalid schema, and for a field whose logical types are incompatible. ``missing``
    takes the places of fields that the writer lacks and that have no default. ``record``: full name of the only
    record of a union at the top that is read; empty for all of them. ``sources`` takes the names that fields have in
    the writer's schema, by the names of model and field.
    """
    try:
        written = parsed_writer(writer)
        read = cast(Node, fastavro.parse_schema(reader))
        _put_fields(model, _names(read))
        pairing = _Pairing(written, read)
        written = pairing.pair_top(written, read, model.__name__, record)
    except INVALID as error:
        raise SchemaMismatchError(f"not a valid Avro schema: {type(error).__name__}: {error}") from None
    if missing is not None:
        missing += pairing.missing
    if sources is not None:
        sources |= pairing.sources
    return cast(AvroSchema, written), cast(AvroSchema, read)


def missing_fields(writer: AvroSchema, model: type[BaseModel], record: str = "") -> list[str]:
    """Return the fields without a default that records of a writer do not have, each as ``Model: field``.

    ``record``: as for :func:`resolve`. Raise SchemaMismatchError as :func:`resolve` does.
    """
    is_recursive(cast(JsonValue, writer))  # raises for a schema that the codec refuses
    missing: list[str] = []
    resolve(writer, model, cast(AvroSchema, avro_schema(model)), missing, record)
    return missing


def unwritable(schema: AvroSchema, model: type[BaseModel], record: str = "") -> str:
    """Return why messages of a model cannot be written with a schema of others, judged by the names of fields.

    Empty when they can, as far as names show it. ``record``: full name that the record must have; empty for any.
    """
    if record and record not in record_names(schema):
        return f"has no record {record}, but {names_text(schema)}"
    match definitions_of(schema)[record] if record else schema:
        case {"type": "record", "fields": list(fields)}:
            theirs = {str(field["name"]): field for field in fields if type(field) is dict}
        case _:
            return "is no record"
    ours = set(_names_written(model, by_alias=False).values())
    aliases = set(_names_written(model, by_alias=True).values())
    if len(aliases & set(theirs)) > len(ours & set(theirs)):
        ours = aliases
    if lacking := sorted(name for name, field in theirs.items() if name not in ours and "default" not in field):
        return f"{model.__name__} lacks {', '.join(lacking)}; add the fields"
    if more := sorted(ours - set(theirs)):
        return f"it lacks {', '.join(more)} of {model.__name__}; remove the fields, or have them added there"
    return ""


def writes_aliases(writer: AvroSchema, model: type[BaseModel], record: str = "") -> bool:
    """Return whether a schema of others names the fields by their aliases, as JSON does, and not as Python does.

    ``record``: as for :func:`resolve`. Raise SchemaMismatchError as :func:`resolve` does, and for a schema that has
    some fields by the one and some by the other.
    """
    sources: dict[tuple[str, str], set[str]] = {}
    resolve(writer, model, cast(AvroSchema, avro_schema(model)), record=record, sources=sources)
    models = {each.__name__: each for each in _models(model, set())}
    for by_alias in (False, True):
        names = {name: _names_written(each, by_alias=by_alias) for name, each in models.items()}
        if all(found == {names[place[0]][place[1]]} for place, found in sources.items()):
            return by_alias
    others = next(place for place, found in sources.items() if found != {place[1]})
    raise SchemaMismatchError(
        f"{'.'.join(others)}: is {', '.join(sorted(sources[others]))} there, and other fields have their names in "
        "Python; write with one message for each record, and an alias for each such field"
    )


def _names_written(model: type[BaseModel], *, by_alias: bool) -> dict[str, str]:
    """Return the name that each field of a model has in what it writes."""
    return {name: (by_alias and info.serialization_alias) or name for name, info in model.model_fields.items()}


def _names(parsed: object) -> dict[str, Node]:
    names: dict[str, Node] = {}
    for node in parsed if isinstance(parsed, list) else [parsed]:
        if isinstance(node, dict):
            names |= cast(dict[str, Node], node.get(_NAMES, {}))
    return names


def _put_fields(model: type[BaseModel], names: Mapping[str, Node]) -> None:
    """Replace the defaults in the schema by the values of the model, and add the names that fields have elsewhere.

    fastavro returns a default as it is in the schema, which for most types is not a value of the type. A name that
    Python cannot have is the alias of its field, here as in JSON.
    """
    for record in _models(model, set()):
        for field in cast(list[Node], names[f"onex.{record.__name__}"]["fields"]):
            info = record.model_fields[str(field["name"])]
            default = default_of(info)
            if has_default(default):
                field["default"] = plain(default)
            alias = info.validation_alias
            if type(alias) is str and alias.isidentifier() and alias not in record.model_fields:
                field["aliases"] = [alias]


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
    """Walks through the places that both schemas have. It changes nodes in place, and returns replaced scalars."""

    def __init__(self, written: object, read: Node) -> None:
        self._written = _names(written)
        self._read = _names(read)
        self._seen: set[tuple[str, str]] = set()
        self.missing: list[str] = []
        self.sources: dict[tuple[str, str], set[str]] = {}
        """Names of fields in the writer's schema, by the names of model and field."""
        self._aliases: dict[tuple[str, str], list[str]] = {}
        """Aliases of the fields of models, by the names of model and field."""
        self._open: set[str] = set()
        """Records of the writer that enclose the current place."""
        for node in self._read.values():
            node["aliases"] = list(cast(list[str], node.get("aliases", [])))
            for field in cast(list[Node], node.get("fields", [])):
                self._aliases[_unqualified(node), str(field["name"])] = _aliases(field)
                field["aliases"] = []
        read["aliases"] = self._read[str(read["name"])]["aliases"]  # fastavro has two nodes of the top record

    def pair_top(self, written: object, read: object, place: str, record: str) -> object:
        """Return the writer's schema. ``record``: full name of the only branch of a union that is read, or empty."""
        match written:
            case list() if record:
                names = record_names(cast(AvroSchema, written))
                if record not in names:
                    raise SchemaMismatchError(f"has no record {record}")
                at = names.index(record)
                written[at], _ = self.pair(written[at], read, place)
                return written
        return self.pair(written, read, place)[0]

    def pair(self, written: object, read: object, place: str) -> tuple[object, object]:
        """Return both schemas of a place, changed so that fastavro resolves them."""
        if isinstance(written, str) and written not in self._open:
            # fastavro cannot look up the name of a type that it meets in a union of the reader.
            written = self._written.get(written, written)
        match written, read:
            case dict(), str(name):  # nor the name of the reader's type, for a type of the writer
                read = self._read.get(name, name)
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
        """Pair the writer's type with the only branch that it can mean, if there is one.

        The names of records decide between several branches.
        """
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
        is_nested = pair[0] in self._open
        self._open.add(pair[0])
        fields = {str(field["name"]): field for field in cast(list[Node], source["fields"])}
        for field in cast(list[Node], target["fields"]):
            name = str(field["name"])
            at = (_unqualified(target), name)
            origin = next((each for each in (name, *self._aliases[at]) if each in fields), None)
            origin = origin or next((each for each, theirs in fields.items() if name in _aliases(theirs)), None)
            # Only the sources of a field: fastavro fails on a record that has both a name and its alias. The records
            # of a writer that are read as one model may have different ones.
            if origin is not None:
                self.sources.setdefault(at, set()).add(origin)
                field["aliases"] = sorted(self.sources[at] - {name})
            place = f"{_unqualified(target)}: {name}"
            if origin is None and "default" not in field:
                self.missing.append(place)
            if origin is not None:
                fields[origin]["type"], field["type"] = self.pair(fields[origin]["type"], field["type"], place)
        if not is_nested:
            self._open.remove(pair[0])


def _logical(source: Node, target: Node, place: str) -> object:
    """Return the writer's scalar, changed so that fastavro reads it as our logical type.

    Raise SchemaMismatchError when the logical types are incompatible.
    """
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
