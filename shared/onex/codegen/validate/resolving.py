"""Finds modules without importing them: no code of a node, a library or a parent package runs."""

import ast
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from onex.codegen.validate.parsing import Parsed, Refusal, parse


def find_module(name: str, roots: tuple[str, ...] = ()) -> ModuleSpec | None:
    """Return the spec of a dotted name, or None. ``roots`` are searched after ``sys.path``.

    ``importlib.util.find_spec`` imports the parents of the name. This walks from parent to child by their search
    locations instead. Nodes may be written between two validations: only libraries are looked up once.
    """
    return _found(name, roots) if name.startswith("node_") else _found_once(name, roots)


@lru_cache(maxsize=2048)
def _found_once(name: str, roots: tuple[str, ...]) -> ModuleSpec | None:
    return _found(name, roots)


def _found(name: str, roots: tuple[str, ...]) -> ModuleSpec | None:
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    so_far = ""
    for part in name.split("."):
        so_far = f"{so_far}.{part}" if so_far else part
        spec = _ask(so_far, path)
        if path is None and roots and (spec is None or spec.origin is None):
            spec = _ask(so_far, [*sys.path, *roots]) or spec  # a namespace package may have parts in several roots
        if spec is None:
            return _without_file(so_far)
        path = spec.submodule_search_locations
        if path is None and so_far != name:
            return _without_file(name)
    return spec


def _without_file(name: str) -> ModuleSpec | None:
    """Return the spec of a module of Python that is no file, such as os.path, when it is loaded."""
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return None
    return getattr(sys.modules.get(name), "__spec__", None)


def _ask(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        try:
            spec = find(name, path, None) if find is not None else None
        except KeyError:  # a namespace package in one that is not imported
            spec = _namespace(name, path or ())
        except (ImportError, ValueError, AttributeError, TypeError):
            continue
        if isinstance(spec, ModuleSpec):
            return spec
    return None


def _namespace(name: str, path: Sequence[str]) -> ModuleSpec | None:
    last = name.rpartition(".")[2]
    folders = [str(folder) for parent in path if (folder := Path(parent, last)).is_dir()]
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = folders
    return spec if folders else None


@lru_cache(maxsize=512)
def exported_names(name: str) -> frozenset[str] | None:
    """Return the names that a module defines or imports. None when they cannot be read from its source."""
    spec = find_module(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    try:
        parsed = parse(Path(spec.origin).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    match parsed:
        case Refusal():
            return None
        case Parsed(tree=tree):
            return names_of_module(tree)


def names_of_module(tree: ast.Module) -> frozenset[str] | None:
    """Return the names at the top level of a module. None when it makes names that the source does not show."""
    found: set[str] = set()
    pending: list[ast.stmt] = [*tree.body]
    while pending:
        match pending.pop():
            case ast.FunctionDef(name="__getattr__"):
                return None
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Import(names=names):
                found |= {alias.asname or alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(names=names):
                if any(alias.name == "*" for alias in names):
                    return None
                found |= {alias.asname or alias.name for alias in names}
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.For() | ast.With() as statement:
                found |= {
                    n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                }
                pending += getattr(statement, "body", [])
            case ast.If() | ast.Try() as statement:
                pending += [*statement.body, *statement.orelse]
                if isinstance(statement, ast.Try):
                    pending += [*statement.finalbody, *(s for h in statement.handlers for s in h.body)]
            case _:
                continue
    return frozenset(found)
