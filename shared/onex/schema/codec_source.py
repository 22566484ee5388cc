"""Generates straight-line Python source that reads and writes Avro for one model.

The source is generated and compiled once for each model, so no code inspects the schema per message. It reads exactly
the values that fastavro reads (see the property tests).
"""

from enum import Enum
from functools import lru_cache

from pydantic import BaseModel

from onex.schema.fast_path import constraint_checks, is_fully_checked
from onex.schema.types import Array, AvroType, Fixed, Map, Nullable, OneOf, Record, Scalar, fields_of


class Namespace:
    """The names that the generated source uses, in addition to those of the runtime."""

    def __init__(self) -> None:
        self.objects: dict[str, object] = {}
        self.functions: list[str] = []
        self._made: dict[object, str] = {}
        self._count = 0

    def fresh(self, stem: str) -> str:
        """Return a name that is not in use."""
        self._count += 1
        return f"{stem}{self._count}"

    def bind(self, stem: str, item: object) -> str:
        """Make an object reachable from the source, and return its name. The same object keeps its name."""
        mark = (stem, id(item))
        if mark not in self._made:
            name = self.fresh(stem)
            self.objects[name] = item
            self._made[mark] = name
        return self._made[mark]

    def once(self, mark: object, stem: str) -> tuple[str, bool]:
        """Return the name of a generated function, and whether its source is still missing."""
        if mark in self._made:
            return self._made[mark], False
        self._made[mark] = self.fresh(stem)
        return self._made[mark], True


def whole_decoder_source(model: type[BaseModel], names: Namespace) -> str:
    """Write ``decode(b) -> model`` for values with our schema id, and return its name. Others go to ``foreign(b)``.

    The body of the model's decoder is inlined, because every message passes through it.
    """
    body = ["if b is None or b[:5] != PREFIX: return foreign(b)", "p = 5"]
    body += [line.removeprefix("    ") for line in _read_model(model, names)]
    body += ["if p != len(b): bad_end(p, b)", "return m"]
    lines = [
        "def decode(b):",
        "    try:",
        *(f"        {line}" for line in body),
        "    except REFUSED as e: refuse(e)",
    ]
    names.functions.append("\n".join(lines))
    return "decode"


def whole_encoder_source(model: type[BaseModel], names: Namespace) -> str:
    """Write ``encode(m) -> bytes``, with the prefix of the wire format, and return its name."""
    parts = _field_parts(model, names)
    lines = [
        "def encode(m):",
        "    try:",
        "        d = m.__dict__",
        f"        return join((PREFIX, {', '.join(parts)}))",
        "    except UNWRITABLE as e: refuse_to_write(m, e)",
    ]
    names.functions.append("\n".join(lines))
    return "encode"


def decoder_source(model: type[BaseModel], names: Namespace) -> str:
    """Write ``name(b, p) -> (model, p)`` for a model, and return the name."""
    name, new = names.once(("decode", model), "decode_")
    if not new:
        return name
    names.functions.append("\n".join([f"def {name}(b, p):", *_read_model(model, names), "    return m, p"]))
    return name


def _read_model(model: type[BaseModel], names: Namespace) -> list[str]:
    """Return lines that read a message into ``m`` and move ``p`` behind it."""
    lines: list[str] = []
    values: dict[str, str] = {}
    for field, kind in fields_of(model).items():
        values[field] = names.fresh("v")
        lines += _read(kind, values[field], names, 1, f"{model.__name__}: {field}")
    data = "{" + ", ".join(f"{field!r}: {value}" for field, value in values.items()) + "}"
    validate = names.bind("validate", model.__pydantic_validator__.validate_python)
    if not is_fully_checked(model):
        return [*lines, f"    m = {validate}({data})"]
    build = [
        f"m = new({names.bind('model', model)})",
        f"put_fields(m, {data})",
        f"put_fields_set(m, {names.bind('fields', set(values))})",
        "put_extra(m, None)",
        "put_private(m, None)",
    ]
    if checks := constraint_checks(model, values):
        lines += [f"    if {' and '.join(checks)}:", *(f"        {line}" for line in build)]
        return [*lines, f"    else: m = {validate}({data})"]
    return [*lines, *(f"    {line}" for line in build)]


def encoder_source(model: type[BaseModel], names: Namespace) -> str:
    """Write ``name(m) -> bytes`` for a model, and return the name."""
    name, new = names.once(("encode", model), "encode_")
    if not new:
        return name
    parts = _field_parts(model, names)
    body = f"join(({', '.join(parts)},))" if parts else "b''"
    names.functions.append(f"def {name}(m):\n    d = m.__dict__\n    return {body}")
    return name


def _field_parts(model: type[BaseModel], names: Namespace) -> list[str]:
    return [part for field, kind in fields_of(model).items() for part in _write(kind, f"d[{field!r}]", names)]


def _read(kind: AvroType, target: str, names: Namespace, depth: int, place: str) -> list[str]:
    """Return lines that read one value. ``place`` names its field in errors."""
    pad = "    " * depth
    match kind:
        case Scalar("double"):
            return [f"{pad}{target} = read_double(b, p)[0]; p += 8"]
        case Scalar("boolean"):
            return [f"{pad}{target} = read_boolean(b[p]); p += 1"]
        case Scalar("long", _, logical):
            lines = [
                f"{pad}n = b[p]; p += 1",
                f"{pad}if n & 129: {target}, p = read_long(b, n, p)",
                f"{pad}else: {target} = n >> 1",
            ]
            if logical:
                lines.append(f"{pad}{target} = {_LOADS[logical]}({target})")
            return lines
        case Scalar("string", python, logical):
            lines = [*_read_slice(pad), f"{pad}{target} = b[p:q].decode(); p = q"]
            if logical == "uuid":
                lines.append(f"{pad}{target} = read_uuid({target})")
            elif logical == "enum":  # an unknown text is not changed: pydantic refuses it, and names its field
                members = names.bind("members", _members(python))
                lines.append(f"{pad}{target} = {members}.get({target}, {target})")
            return lines
        case Scalar():
            return [*_read_slice(pad), f"{pad}{target} = b[p:q]; p = q"]
        case Fixed(precision, scale):
            read = f"read_decimal(b[p:q], {precision}, {scale}, {place!r})"
            return [*_read_slice(pad), f"{pad}{target} = {read}; p = q"]
        case Nullable(item, null_last):
            branches = [*_branches(item), None] if null_last else [None, *_branches(item)]
            return _read_branches(branches, target, names, depth, place)
        case OneOf():
            return _read_branches(_branches(kind), target, names, depth, place)
        case Record(model):
            return [f"{pad}{target}, p = {decoder_source(model, names)}(b, p)"]
        case Array(item, as_tuple):
            return _read_blocks(item, target, names, depth, "tuple" if as_tuple else "list", place)
        case Map(item):
            return _read_blocks(item, target, names, depth, "dict", place)


def _branches(kind: AvroType) -> list[AvroType | None]:
    return [Record(model) for model in kind.models] if isinstance(kind, OneOf) else [kind]


@lru_cache(maxsize=1000)
def _members(enum: type[Enum]) -> dict[str, Enum]:
    return {member.value: member for member in enum.__members__.values()}


def _read_branches(
    branches: list[AvroType | None], target: str, names: Namespace, depth: int, place: str
) -> list[str]:
    pad = "    " * depth
    lines = [f"{pad}n = b[p]; p += 1"]
    for index, branch in enumerate(branches):
        lines.append(f"{pad}{'el' if index else ''}if n == {index * 2}:")
        if branch is None:
            lines.append(f"{pad}    {target} = None")
        else:
            lines += _read(branch, target, names, depth + 1, place)
    return [*lines, f"{pad}else: bad_branch(n)"]


def _read_slice(pad: str) -> list[str]:
    return [
        f"{pad}n = b[p]; p += 1",
        f"{pad}if n & 129: n, p = read_length(b, n, p)",
        f"{pad}q = p + (n >> 1)",
    ]


def _read_blocks(item: AvroType, target: str, names: Namespace, depth: int, shape: str, place: str) -> list[str]:
    pad, inner = "    " * depth, "    " * (depth + 2)
    value, count, key = names.fresh("i"), names.fresh("c"), names.fresh("k")
    lines = [
        f"{pad}{target} = {'{}' if shape == 'dict' else '[]'}",
        f"{pad}while True:",
        f"{pad}    {count}, p = read_count(b, p)",
        f"{pad}    if not {count}: break",
        f"{pad}    for _ in range({count}):",
    ]
    if shape == "dict":
        lines += _read(Scalar("string", str), key, names, depth + 2, place)
    lines += _read(item, value, names, depth + 2, place)
    lines.append(f"{inner}{target}[{key}] = {value}" if shape == "dict" else f"{inner}{target}.append({value})")
    if shape == "tuple":
        lines.append(f"{pad}{target} = tuple({target})")
    return lines


def _write(kind: AvroType, value: str, names: Namespace) -> list[str]:
    """Return expressions for the bytes of a value, in wire order."""
    match kind:
        case Scalar("double"):
            return [f"write_double({value})"]
        case Scalar("boolean"):
            return [f"(TRUE if {value} else FALSE)"]
        case Scalar("long", _, ""):
            return [f"V[{value}]"]
        case Scalar("long", _, logical):
            return [f"V[{_DUMPS[logical]}({value})]"]
        case Scalar("string", _, logical):
            local = names.fresh("s")
            text = {"uuid": f"str({value})", "enum": f"{value}.value"}.get(logical, value)
            return [f"V[len({local} := {text}.encode())]", local]
        case Scalar():
            return [f"V[len({value})]", value]
        case Fixed(precision, scale):
            local = names.fresh("s")
            return [f"V[len({local} := write_decimal({value}, {precision}, {scale}))]", local]
        case Nullable(OneOf(models), null_last):
            local = names.fresh("x")
            null, first = (repr(bytes((len(models) * 2,))), 0) if null_last else ("NULL", 1)
            return [f"({null} if ({local} := {value}) is None else {_write_one_of(models, local, names, first)})"]
        case Nullable(item, null_last):
            local = names.fresh("x")
            null, some = ("b'\\x02'", "NULL") if null_last else ("NULL", "b'\\x02'")
            return [f"({null} if ({local} := {value}) is None else join(({some}, {_joined(item, local, names)})))"]
        case Record(model):
            return [f"{encoder_source(model, names)}({value})"]
        case OneOf(models):
            return [_write_one_of(models, value, names, 0)]
        case Array(item):
            each = names.fresh("e")
            return [f"write_blocks([{_joined(item, each, names)} for {each} in {value}])"]
        case Map(item):
            key, each = names.fresh("k"), names.fresh("e")
            pair = ", ".join([*_write(Scalar("string", str), key, names), *_write(item, each, names)])
            return [f"write_blocks([join(({pair},)) for {key}, {each} in {value}.items()])"]


def _joined(kind: AvroType, value: str, names: Namespace) -> str:
    parts = _write(kind, value, names)
    return parts[0] if len(parts) == 1 else f"join(({', '.join(parts)},))"


def _write_one_of(models: tuple[type[BaseModel], ...], value: str, names: Namespace, first: int) -> str:
    table = {model: (index + first) * 2 for index, model in enumerate(models)}
    branch = names.bind("branch", table)
    writers = ", ".join(f"{names.bind('model', model)}: {encoder_source(model, names)}" for model in models)
    return f"join((bytes(({branch}[type({value})],)), {{{writers}}}[type({value})]({value})))"


_LOADS = {"timestamp-micros": "load_timestamp", "date": "load_date"}
_DUMPS = {"timestamp-micros": "dump_timestamp", "date": "dump_date"}
