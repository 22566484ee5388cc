"""Writes the files of the node: contract, messages, class, cases. Text of records is only in literals."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import yaml

from onex.codegen.adopt.avro.writers import AvroTopic
from onex.codegen.adopt.key import CorrelationGuess, KeyGuess
from onex.codegen.adopt.types import Choice, Default, Digits, Field, Inferred, Listed, Mapped, Model, Plain
from onex.codegen.inject.imports import grouped_imports, in_import_order
from onex.codegen.render.contract_text import with_schema_line
from onex.codegen.render.options import RenderOptions
from onex.codegen.render.printer import formatted
from onex.codegen.render.shape import sentence
from onex.codegen.render.values import literal
from onex.contract import parse_contract
from onex.errors import RejectedError
from onex.model.topic import TopicName, is_foreign, kebab

_STANDARD: Final[Mapping[str, str]] = {"datetime": "datetime", "date": "datetime", "UUID": "uuid"}
_FACTORIES: Final = ("list", "dict")
_LONGEST_DOC: Final = 400
"""Characters of a description."""
_STATEMENTS: Final = frozenset(
    {ast.AnnAssign, ast.Assign, ast.ClassDef, ast.Expr, ast.FunctionDef, ast.ImportFrom, ast.Return}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written."""

    topic: str
    to: str
    """Topic on which the node publishes."""
    owner: str
    """Middle of the node's name: ``shop_orders``."""
    model: Model
    key: KeyGuess
    correlation: CorrelationGuess | None
    avro: AvroTopic | None = None
    """The schema of the records; None for JSON."""

    @property
    def node(self) -> str:
        """Name of the node."""
        return f"node_{self.owner}_compute"

    @property
    def package(self) -> str:
        """Folder below the services folder."""
        return f"{self.node}/v1_0_0"


def own_topic(owner: str, message: str) -> str:
    """Return the topic of the mesh on which the messages are passed on."""
    return str(TopicName.parse(f"onex.evt.{owner.replace('_', '-')}.{kebab(message)}.v1"))


def package_texts(wanted: Wanted, cases: str) -> dict[str, str]:
    """Return the files by path below the folder of the node's version."""
    node_class = "".join(part.capitalize() for part in wanted.node.split("_"))
    name, models = wanted.model.name, f"{wanted.package.replace('/', '.')}.models"
    node = (
        f'"""Passes on the records of {wanted.topic}."""\n'
        f"from {models} import {name}\n"
        "from onex.node import NodeCompute\n\n"
        f"class {node_class}(NodeCompute[{name}, {name}]):\n"
        f'    """Takes each {name} and publishes it."""\n'
        f"    def compute(self, request: {name}) -> {name}:\n"
        "        return request\n"
    )
    init = f'"""Passes on the records of {wanted.topic}."""\n'
    return {
        "contract.yaml": contract_text(wanted),
        "__init__.py": _source(init),
        "models/__init__.py": _source("\n".join(_models(wanted))),
        "node.py": _source(node),
        "cases.yaml": cases,
    }


def contract_text(wanted: Wanted) -> str:
    """Return the contract."""
    bound = _form(wanted)
    if wanted.key.field:
        bound["key"] = wanted.key.field
    if (found := wanted.correlation) is not None:
        bound["correlation"] = {
            name: text for name, text in (("header", found.header), ("field", found.field)) if text
        }
    topics: dict[str, object] = {wanted.topic: bound}
    if is_foreign(wanted.to):
        topics[wanted.to] = {"message": wanted.model.name, "format": "json"}
    elif TopicName.parse(wanted.to).name != kebab(wanted.model.name):
        topics[wanted.to] = wanted.model.name
    data: dict[str, object] = {
        "name": wanted.node,
        "node_type": "COMPUTE",
        "contract_version": {"major": 1, "minor": 0, "patch": 0},
        "description": f"Passes on the records of {wanted.topic}.",
        "event_bus": {"subscribe_topics": [wanted.topic], "publish_topics": [wanted.to], "topics": topics},
        "input_model": wanted.model.name,
        "output_model": wanted.model.name,
    }
    text = with_schema_line(yaml.safe_dump(data, sort_keys=False, width=110), RenderOptions().schema)
    parse_contract(text)
    return text


def _form(wanted: Wanted) -> dict[str, object]:
    """Return the message and the form of the topic. Records of other types are passed over."""
    avro, name = wanted.avro, wanted.model.name
    if avro is None:
        return {"message": name, "format": "json"}
    if avro.is_only_type:
        return {"message": name, "format": "avro", **({"subject": avro.subject} if avro.subject else {})}
    several: dict[str, object] = {"messages": {avro.record: name}, "type": "schema", "other_types": "ignore"}
    return {**several, "format": "avro", **({"subjects": {name: avro.subject}} if avro.subject else {})}


def _source(text: str) -> str:
    """Return a module, formatted. Raise RejectedError when it has anything but declarations and the one method.

    Names of records are checked before they get here: a difference is a gap in those checks, found before code runs.
    """
    source = formatted(text)
    tree = ast.parse(source)
    compile(tree, "<adopted>", "exec", dont_inherit=True)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Field")):
                pass
            case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant()], keywords=[]):
                pass
            case ast.Call() | ast.Attribute():
                raise RejectedError(f"the written code has a {type(node).__name__}, which no record asks for")
            case ast.stmt() if type(node) not in _STATEMENTS:
                raise RejectedError(f"the written code has a {type(node).__name__}, which no record asks for")
    return source


def _models(wanted: Wanted) -> Iterator[str]:
    models = list(wanted.model.every_model())
    used = {name for field in wanted.model.every_field() for name in _names(field.type)}
    imports = {(_STANDARD[name], name) for name in used & _STANDARD.keys()} | {("onex.node", "Message")}
    if any(_arguments(field) for field in wanted.model.every_field()) or "Decimal" in used:
        imports.add(("pydantic", "Field"))
    if "Decimal" in used:
        imports |= {("decimal", "Decimal"), ("typing", "Annotated")}
    if "Literal" in used:
        imports.add(("typing", "Literal"))
    yield f'"""Messages of {wanted.topic}, as its records have them. Fields that are not here are read over."""'
    yield from grouped_imports(sorted(imports))
    yield f"__all__ = [{', '.join(map(literal, in_import_order(model.name for model in models)))}]"
    for model in models:
        is_message = model is wanted.model
        part = "A record" if is_message else "A part of a record"
        key = f", key={literal(wanted.key.field)}" if is_message and wanted.key.field else ""
        yield f"class {model.name}(Message{key}):"
        yield f'    """{sentence(model.doc) if model.doc.strip() else f"{part} of {wanted.topic}."}"""'
        yield from (f"    {_field(field)}" for field in model.fields)


def _field(field: Field) -> str:
    annotation = f"{annotation_of(field.type)}{' | None' if field.is_optional else ''}"
    default, arguments = _default(field), _arguments(field)
    if not arguments:
        return f"{field.name}: {annotation}{f' = {default}' if default else ''}"
    return (
        f"{field.name}: {annotation} = Field({', '.join([*([f'default={default}'] if default else []), *arguments])})"
    )


def _default(field: Field) -> str:
    """Return the default as a literal; empty for none, and for an empty list or map."""
    match field.default:
        case None:
            return "None" if field.is_optional else ""
        case Default(factory="list" | "dict"):
            return ""
        case Default(Decimal() as number):
            return f"Decimal({str(number)!r})"
        case Default(value):
            return repr(value)


def _arguments(field: Field) -> list[str]:
    """Return what a field says in addition to its type and default: names that are checked, and literals."""
    arguments = []
    if field.default is not None and field.default.factory in _FACTORIES:
        arguments.append(f"default_factory={field.default.factory}")
    if field.name != field.json:
        arguments.append(f"alias={field.json!r}")
    if description := _description(field.doc):
        arguments.append(f"description={description!r}")
    return arguments


def _description(doc: str) -> str:
    """Return the text of a schema on one line, printable and short."""
    words = " ".join("".join(c if c.isprintable() else " " for c in doc[: 2 * _LONGEST_DOC]).split())
    return words if len(words) <= _LONGEST_DOC else f"{words[: _LONGEST_DOC - 4]} ..."


def annotation_of(kind: Inferred) -> str:
    """Return the annotation of a type: checked names, numbers, and literals."""
    match kind:
        case Plain(name) | Model(name, _):
            return name
        case Digits(digits, places):
            return f"Annotated[Decimal, Field(max_digits={digits:d}, decimal_places={places:d})]"
        case Choice(values):
            return f"Literal[{', '.join(map(repr, values))}]"
        case Listed(item, nullable):
            return f"list[{annotation_of(item)}{' | None' if nullable else ''}]"
        case Mapped(item, nullable):
            return f"dict[str, {annotation_of(item)}{' | None' if nullable else ''}]"


def _names(kind: Inferred) -> Iterator[str]:
    """Yield the names that a type needs, without those of models."""
    match kind:
        case Plain(name):
            yield name
        case Digits():
            yield "Decimal"
        case Choice():
            yield "Literal"
        case Listed(item) | Mapped(item):
            yield from _names(item)
        case Model():
            pass
