"""``docs/api.md``: every public name with one line, from the modules that are public."""

import ast
import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import onex
from onex.mixins.catalogue import CATALOGUE

PUBLIC_MODULES = (
    "onex.node",
    "onex.testing",
    "onex.postgres",
    "onex.errors",
    "onex.mesh",
    "onex.dlq",
    "onex.settings",
    "onex.connect",
    "onex.contract",
    "onex.codegen",
    "onex.model.mesh",
    "onex.schedules",
    "onex.capability",
    "onex.faust",
)
"""Modules whose ``__all__`` is public, in addition to the package of each capability."""

_FILE = "docs/api.md"
_WRAPPERS = "onex.mixins.wrappers"
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_HEAD = """# Public API

The modules on this page, and the names listed for them, are public: import these names from these modules. Every
other module below `onex` is internal and can change in any release. The list `tests/unit/public_api.txt` pins the
names: a test fails when one is added or removed. Rendered by `make render` from the docstrings.
"""


def public_modules() -> list[str]:
    """Return the names of all public modules, in the order of the page."""
    mixins = (*CATALOGUE.all(), *CATALOGUE.views())
    packages = sorted([_WRAPPERS, *(mixin.__module__.rpartition(".")[0] for mixin in mixins)])
    return [*PUBLIC_MODULES, *packages]


def api_files(root: Path) -> Mapping[str, str]:
    """Return the page by its path below ``root``: the folder of a checkout of ONEX. Empty for any other folder."""
    if not Path(onex.__file__).resolve().is_relative_to(root.resolve() / "shared"):
        return {}
    return {_FILE: "\n".join([_HEAD, *map(_section, public_modules())])}


def summary(module: ModuleType, name: str) -> str:
    """Return the first paragraph that documents a name of ``module``, on one line. Empty when nothing does."""
    value = getattr(module, name)
    described = inspect.isclass(value) or inspect.isroutine(value)
    text = (value.__doc__ if described else _below(module, name)) or ""
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())


def _section(name: str) -> str:
    module = import_module(name)
    rows = [f"| `{each}` | {_in_table(summary(module, each))} |" for each in module.__all__]
    head = f"## {name}\n\n{_in_table(inspect.getdoc(module) or '')}\n\n| name | what it is |\n|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _in_table(text: str) -> str:
    """Return the first paragraph as one cell of a table, where a vertical bar would end the cell."""
    line = " ".join(text.partition("\n\n")[0].split())
    return _ROLE.sub(r"`\1`", line).replace("``", "`").replace("|", "or")


def _below(module: ModuleType, name: str) -> str:
    """Return the string below the assignment of a constant, in the module that assigns it."""
    tree = ast.parse(inspect.getsource(module)).body
    for statement, following in zip(tree, [*tree[1:], ast.Pass()], strict=True):
        match statement, following:
            case ast.ImportFrom(module=str(origin), names=aliases), _ if name in {alias.name for alias in aliases}:
                return _below(import_module(origin), name)
            case (
                ast.Assign(targets=[ast.Name(id=assigned)]) | ast.AnnAssign(target=ast.Name(id=assigned)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if assigned == name:
                return text
            case _:
                continue
    return ""
