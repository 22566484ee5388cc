"""``python -m tests.mixins.render``: writes what is rendered from subcontracts, and from the tests that enforce them.

``subcontract.yaml`` in every capability's folder, and ``docs/capability-fields.md``: field, effect, test.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from onex.capability import Mixin
from onex.codegen.field_docs import field_docs
from onex.codegen.model_parts import models_in
from onex.codegen.subcontracts import subcontract_file
from onex.mixins.catalogue import CATALOGUE
from tests.conftest import ROOT

_HEAD = """# Fields of capabilities

What each field of a subcontract does, and the test that fails when it is ignored. Rendered by `make render` from the
models and from the `enforces` marks of the tests.
"""


def fields_of(mixin: type[Mixin]) -> Iterator[tuple[str, str]]:
    """Fields by full name (``circuit_breaker.services.name``), with what they do."""
    return _fields(mixin.definition.metadata.key, mixin.definition.subcontract)


def _fields(holder: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    docs = field_docs(model)
    for name, field in model.model_fields.items():
        yield f"{holder}.{name}", docs[name]
        for part in models_in(field.annotation):
            yield from _fields(f"{holder}.{name}", part)


def enforced() -> Mapping[str, list[str]]:
    """Tests by the field that they enforce."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                for field in _marks(function):
                    found.setdefault(field, []).append(f"{file.name}::{function.name}")
    return found


def _marks(function: ast.FunctionDef) -> Iterator[str]:
    for mark in function.decorator_list:
        match mark:
            case ast.Call(func=ast.Attribute(attr="enforces"), args=arguments):
                yield from (str(ast.literal_eval(argument)) for argument in arguments)


def rendered() -> Mapping[Path, str]:
    """Text by file."""
    tests = enforced()
    files: dict[Path, str] = {}
    parts = [_HEAD]
    for mixin in CATALOGUE.all():
        folder = Path(inspect.getfile(mixin)).parent
        files[folder / "subcontract.yaml"] = subcontract_file(mixin)
        metadata = mixin.definition.metadata
        parts += [f"## {metadata.name}", "", metadata.summary, "", "| field | effect | test |", "|---|---|---|"]
        for name, effect in fields_of(mixin):
            shown = ", ".join(f"`{test}`" for test in tests.get(name, []))
            told = effect.replace("``", "`").replace("|", "\\|")
            parts.append(f"| `{name.partition('.')[2]}` | {told} | {shown} |")
        parts.append("")
    files[ROOT / "docs" / "capability-fields.md"] = "\n".join(parts)
    return files


if __name__ == "__main__":
    for path, text in rendered().items():
        path.write_text(text)
