"""Stage IMPORTS: what is imported exists, and belongs to what nodes may use."""

import ast
from collections.abc import Mapping
from pathlib import PurePosixPath

from onex.codegen.validate.names import places
from onex.codegen.validate.resolving import exported_names, find_module, names_of_module
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Module, Package, Sources

_UNRESOLVED = Rule("imports.unresolved", "install the package that has it, or fix the name")
_UNKNOWN = Rule("imports.unknown_name", "fix the name")
_RELATIVE = Rule("imports.relative", "import from the package's own name")
_INTERNAL = Rule("imports.internal", "use onex.node and the capabilities of onex.mixins")
_CLIENT = Rule("imports.client", "return messages, or use MixinEventBus or MixinKafkaConfiguration", "warning")
_STAR = Rule("imports.star", "name what is imported")
_DYNAMIC = Rule("imports.dynamic", "write an import statement")
_TESTING = Rule("imports.testing", "use it in tests only")

_NOT_FOR_NODES = (
    "onex.agent",
    "onex.bus",
    "onex.cli",
    "onex.faust",
    "onex.local",
    "onex.provisioning",
    "onex.workflow",
)
_CLIENTS = ("confluent_kafka", "aiokafka", "faust", "kafka")
_FOR_TESTS = ("onex.testing", "pytest", "hypothesis", "unittest", "_pytest")
_IMPORTERS = frozenset(
    {"builtins.__import__", "importlib.import_module", "importlib.__import__", "importlib.reload", "runpy.run_module"}
)


def check_imports(sources: Sources, package: Package, *, roots: tuple[str, ...]) -> Findings:
    """Yield findings about imports. Nothing is imported. ``roots`` are further folders with packages of nodes."""
    local = _local_modules(sources)
    for module in package.modules.values():
        yield from _module(module, local, roots)


def _local_modules(sources: Sources) -> Mapping[str, frozenset[str] | None]:
    """Return the names in each of the checked modules, by its dotted name. Packages without a file have none."""
    found: dict[str, frozenset[str] | None] = {}
    for module in sources.modules:
        parts = PurePosixPath(module.path).with_suffix("").parts
        dotted = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join(dotted)] = names_of_module(module.tree)
        for n in range(1, len(parts)):
            found.setdefault(".".join(parts[:n]), None)
    return found


def _module(module: Module, local: Mapping[str, frozenset[str] | None], roots: tuple[str, ...]) -> Findings:
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from _checked(module, node, alias.name, local, roots)
            case ast.ImportFrom(level=level, module=name, names=aliases):
                full = _absolute(module, level, name or "")
                if full is None:
                    yield _RELATIVE.at(module.path, node, "a relative import leads out of the package")
                    continue
                if any(alias.name == "*" for alias in aliases):
                    yield _STAR.at(module.path, node, f"imports every name of {shown(full)}")
                unresolved = list(_checked(module, node, full, local, roots))
                yield from unresolved
                if not unresolved:
                    yield from _names(module, node, full, local, roots)
    for place in places(module.tree, module.names):
        match place.node:
            case ast.Call(func=function) if module.names.origin(function, place.bound) in _IMPORTERS:
                yield _DYNAMIC.at(module.path, place.node, "imports a module at run time")


def _absolute(module: Module, level: int, name: str) -> str | None:
    """Return the dotted name of a module. None for one outside of the package."""
    if level == 0:
        return name
    folders = PurePosixPath(module.path).parent.parts
    if level - 1 > max(0, len(folders) - 2):
        return None
    base = folders[: len(folders) - (level - 1)]
    return ".".join((*base, name) if name else base)


def _checked(
    module: Module, node: ast.stmt, name: str, local: Mapping[str, frozenset[str] | None], roots: tuple[str, ...]
) -> Findings:
    if not module.is_test:
        if _is_below(name, _NOT_FOR_NODES):
            yield _INTERNAL.at(module.path, node, f"{shown(name)} is internal")
        if _is_below(name, _CLIENTS):
            yield _CLIENT.at(module.path, node, f"{shown(name)} bypasses the mesh")
        if _is_below(name, _FOR_TESTS):
            yield _TESTING.at(module.path, node, f"{shown(name)} is for tests")
    if name not in local and find_module(name, roots) is None:
        yield _UNRESOLVED.at(module.path, node, f"there is no module {shown(name)}")


def _names(
    module: Module,
    node: ast.ImportFrom,
    full: str,
    local: Mapping[str, frozenset[str] | None],
    roots: tuple[str, ...],
) -> Findings:
    """Yield names that the module does not have: of the mesh and of the checked packages. mypy knows the others."""
    known = local[full] if full in local else exported_names(full) if _is_below(full, ("onex",)) else None
    if known is None:
        return
    for alias in node.names:
        submodule = f"{full}.{alias.name}"
        if alias.name in known or alias.name == "*" or alias.name.startswith("__"):
            continue
        if submodule not in local and find_module(submodule, roots) is None:
            yield _UNKNOWN.at(module.path, node, f"{shown(full)} has no {shown(alias.name)}")
    if not module.is_test and full == "onex":
        for alias in node.names:
            if _is_below(f"onex.{alias.name}", _NOT_FOR_NODES):
                yield _INTERNAL.at(module.path, node, f"onex.{alias.name} is internal")


def _is_below(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)
