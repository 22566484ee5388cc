"""The files to check: bounded, parsed once, and grouped by package."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from onex.codegen.model import ModelFinding
from onex.codegen.validate.names import Names
from onex.codegen.validate.parsing import Refusal, parse
from onex.codegen.validate.resolving import find_module
from onex.codegen.validate.rule import Rule, shown
from onex.codegen.validate.yaml_files import contract_of, yaml_problems
from onex.model.contract import ModelContract

MOST_FILES: Final = 500
"""Largest number of files in one validation."""
LARGEST_FILE: Final = 512 * 1024
"""Longest file, in characters."""
LARGEST: Final = 8 * 1024 * 1024
"""All files together, in characters."""

_FOLDER = re.compile(r"(?P<root>node_[a-z0-9_]+/v[0-9_]+)/")
_SIZE = Rule("syntax.size", "split it; generated nodes are far smaller")
_PATH = Rule("syntax.path", "use a relative path below the services folder, of plain names")
_TEXT = Rule("syntax.text", "save it as UTF-8 text without null bytes")
_NONE = Rule("syntax.nothing", "name files with node.py and contract.yaml")
_STUB = Rule("syntax.stub", "remove it: annotate the module itself")
_SHADOW = Rule("syntax.shadow", "give it another name, or put it below the folder of the node")
_PYTHON = Rule("syntax.python", "fix the syntax")
_WARNED = Rule("syntax.warning", "write what is meant", "warning")
_YAML = Rule("syntax.yaml", "fix the YAML")


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file."""

    path: str
    text: str
    tree: ast.Module
    names: Names

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return is_test(self.path)


def is_test(path: str) -> bool:
    """Return whether pytest collects the file, or it configures pytest."""
    name = PurePosixPath(path).name
    return name.startswith("test_") or name == "conftest.py"


@dataclass(frozen=True)
class Package:
    """One node: the files below ``node_x_effect/v1_0_0``. The root is empty for files without such a folder."""

    root: str
    files: Mapping[str, str]
    modules: Mapping[str, Module] = field(default_factory=dict)
    """By path."""

    def path(self, name: str) -> str:
        """Return the path of a file of the package."""
        return f"{self.root}/{name}" if self.root else name

    @property
    def is_node(self) -> bool:
        """Whether the files are a node. Others lie next to nodes: Python and YAML that belong to no version."""
        return bool(self.root) or not self.files.keys().isdisjoint({"node.py", "contract.yaml"})

    @property
    def node(self) -> Module | None:
        """``node.py``."""
        return self.modules.get(self.path("node.py"))

    @property
    def own_modules(self) -> list[Module]:
        """Modules that the agent imports: all but tests."""
        return [module for module in self.modules.values() if not module.is_test]

    @cached_property
    def contract(self) -> ModelContract | None:
        """The contract. None when there is none, or when it has problems, which ONEX_COMPLIANCE reports."""
        return contract_of(self.files.get(self.path("contract.yaml"), ""))

    @cached_property
    def models(self) -> Mapping[str, ast.ClassDef]:
        """Classes of the ``models`` package, by name."""
        prefix = (self.path("models/"), self.path("models.py"))
        return {
            statement.name: statement
            for module in self.own_modules
            if module.path.startswith(prefix)
            for statement in module.tree.body
            if isinstance(statement, ast.ClassDef)
        }


@dataclass(frozen=True, slots=True)
class Sources:
    """All packages of a validation."""

    files: Mapping[str, str]
    packages: tuple[Package, ...]
    findings: tuple[ModelFinding, ...]
    """Those of stage SYNTAX. With an error among them there is nothing more to check."""

    @property
    def modules(self) -> list[Module]:
        """The Python files of all packages."""
        return [module for package in self.packages for module in package.modules.values()]

    @property
    def is_sound(self) -> bool:
        """Whether every file could be read."""
        return not any(finding.severity == "error" for finding in self.findings)


def read_sources(files: Mapping[str, str]) -> Sources:
    """Read files of any origin. Nothing is imported or run."""
    if findings := list(_bounds(files)):
        return Sources(files, (), tuple(findings))
    modules: dict[str, Module] = {}
    for path, text in sorted(files.items()):
        if path.endswith(".py"):
            match parse(text):
                case Refusal(line, message, remedy):
                    findings.append(_PYTHON.at(path, line, message, remedy))
                case parsed:
                    modules[path] = Module(path, text, parsed.tree, Names(parsed.tree))
                    findings += [_WARNED.at(path, line, message) for line, message in parsed.warnings]
        elif path.endswith((".yaml", ".yml")):
            findings += [_YAML.at(path, line, message, remedy) for line, message, remedy in yaml_problems(text, path)]
    roots: dict[str, None] = {root_of(path): None for path in sorted(files)}
    packages = tuple(
        Package(
            root,
            {path: text for path, text in files.items() if root_of(path) == root},
            {path: module for path, module in modules.items() if root_of(path) == root},
        )
        for root in roots
    )
    if not any(package.is_node for package in packages):
        findings.append(_NONE.at("", 0, "no node is among the files"))
    return Sources(files, packages, tuple(findings))


def root_of(path: str) -> str:
    """Return ``node_x_effect/v1_0_0`` of a path. Empty for a path outside such a folder."""
    found = _FOLDER.match(path)
    return found["root"] if found else ""


def _bounds(files: Mapping[str, str]) -> list[ModelFinding]:
    """Return what no reader should see: too much, bytes that are no text, paths that lead elsewhere."""
    if len(files) > MOST_FILES:
        return [_SIZE.at("", 0, f"{len(files)} files, more than {MOST_FILES}", "check fewer packages together")]
    findings = []
    for path, text in sorted(files.items()):
        name = shown(path)
        if not _is_plain(path):
            findings.append(_PATH.at(name, 0, f"{name!r} leads out of the package, or has other characters"))
        elif path.endswith(".pyi"):
            findings.append(_STUB.at(name, 0, "hides a module from the type checker"))
        elif path.endswith(".py") and (shadowed := _shadowed(path)):
            findings.append(_SHADOW.at(name, 0, f"has the name of an installed module, {shadowed}"))
        elif len(text) > LARGEST_FILE:
            findings.append(_SIZE.at(name, 0, f"has more than {LARGEST_FILE} characters"))
        elif "\0" in text:
            findings.append(_TEXT.at(name, text.count("\n", 0, text.index("\0")) + 1, "has a null byte"))
        elif (bad := _first_surrogate(text)) is not None:
            findings.append(_TEXT.at(name, text.count("\n", 0, bad) + 1, "is no UTF-8"))
    if not findings and sum(map(len, files.values())) > LARGEST:
        findings.append(_SIZE.at("", 0, f"the files have more than {LARGEST} characters together", "check fewer"))
    return findings


def _shadowed(path: str) -> str:
    """Return the installed module whose place a file at the top would take, for the type checker and for tests."""
    name = path.partition("/")[0].removesuffix(".py")
    return "" if _FOLDER.match(path) or find_module(name) is None else name


_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return len(parts) <= 12 and all(_PART.fullmatch(part) and part.isascii() for part in parts)


def _first_surrogate(text: str) -> int | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None
