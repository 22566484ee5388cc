"""Files rendered from capabilities: ``subcontract.yaml`` of each, and two pages of ``docs``.

``capabilities.md`` has the tables of all, and of ONEX names. ``capability-fields.md`` lists each field of a
capability, view or feature with its effect, and with the tests that are marked ``enforces`` for it.
"""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from onex.capability import Feature, Mixin
from onex.capability.names import onex_names
from onex.codegen.capability_catalogue import with_names, with_tables
from onex.codegen.field_docs import field_docs
from onex.codegen.interfaces import PLACE, interface_file
from onex.codegen.model_parts import models_in
from onex.codegen.subcontracts import subcontract_file
from onex.mixins.catalogue import CATALOGUE

_CATALOGUE = "docs/capabilities.md"
_HEAD = """# Fields of capabilities

The effect of each field of a subcontract, and the tests that fail when it is ignored. Rendered by `make render` from
the models and from the `enforces` marks of the tests.
"""


def capability_files(root: Path) -> Mapping[str, str]:
    """Return the text of each rendered file, by path below ``root``: the folder of a checkout of ONEX.

    Empty for any other folder, because the files and the tests belong to ONEX itself.
    """
    tests = root / "tests" / "mixins"
    if not tests.is_dir() or not Path(inspect.getfile(Mixin)).is_relative_to(root.resolve()):
        return {}
    enforcing = enforcing_tests(tests)
    sections = [_HEAD]
    files: dict[str, str] = {}
    for mixin in CATALOGUE.all():
        folder = Path(inspect.getfile(mixin)).parent.relative_to(root.resolve())
        files[str(folder / "subcontract.yaml")] = subcontract_file(mixin)
        sections.append(_section(mixin, enforcing))
    for view in CATALOGUE.views():
        sections.append(_section(view, enforcing))
    for feature in CATALOGUE.features():
        fields = [*fields_of_feature(feature)]
        sections.append(_table(feature.name, feature.summary, fields, enforcing))
    files["docs/capability-fields.md"] = "\n".join(sections)
    metadata = (mixin.definition.metadata for mixin in CATALOGUE.all())
    page = with_tables((root / _CATALOGUE).read_text(), metadata)
    files[_CATALOGUE] = with_names(page, onex_names().values())
    files[PLACE] = interface_file(root)
    return files


def fields_of(mixin: type[Mixin]) -> Iterator[tuple[str, str]]:
    """Yield each field by its full name (``circuit_breaker.services.name``), with its effect."""
    return _fields(mixin.definition.metadata.key, mixin.definition.subcontract)


def fields_of_feature(feature: Feature) -> Iterator[tuple[str, str]]:
    """Yield each field of a feature as :func:`fields_of` does."""
    if feature.subcontract is not None:
        yield from _fields(feature.key, feature.subcontract)


def _fields(parent: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    docs = field_docs(model)
    for name, field in model.model_fields.items():
        yield f"{parent}.{name}", docs[name]
        for part in models_in(field.annotation):
            yield from _fields(f"{parent}.{name}", part)


def enforcing_tests(folder: Path) -> Mapping[str, list[str]]:
    """Return the tests in ``folder`` that are marked ``enforces``, by full name of the field."""
    tests: dict[str, list[str]] = {}
    for file in sorted(folder.glob("test_*.py")):
        text = file.read_text()
        for function in ast.walk(ast.parse(text)) if "enforces" in text else ():
            if isinstance(function, ast.FunctionDef):
                for field in _marks(function):
                    tests.setdefault(field, []).append(f"{file.name}::{function.name}")
    return tests


def _marks(function: ast.FunctionDef) -> Iterator[str]:
    for mark in function.decorator_list:
        match mark:
            case ast.Call(func=ast.Attribute(attr="enforces"), args=arguments):
                yield from (str(ast.literal_eval(argument)) for argument in arguments)


def _section(mixin: type[Mixin], tests: Mapping[str, list[str]]) -> str:
    metadata = mixin.definition.metadata
    return _table(metadata.name, metadata.summary, fields_of(mixin), tests)


def _table(name: str, summary: str, fields: Iterable[tuple[str, str]], tests: Mapping[str, list[str]]) -> str:
    lines = [f"## {name}", "", summary, "", "| field | effect | test |", "|---|---|---|"]
    for name, effect in fields:
        shown = ", ".join(f"`{test}`" for test in tests.get(name, []))
        text = effect.replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{name.partition('.')[2]}` | {text} | {shown} |")
    return "\n".join([*lines, ""])
