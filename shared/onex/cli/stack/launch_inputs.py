"""The launch inputs of an agent: what a process cannot change after its start."""

import ast
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from importlib.util import resolve_name
from pathlib import Path

from pydantic import SecretStr

from onex import __version__
from onex.contract import ResolvedNode
from onex.contract.load import FILE_NAME
from onex.model.enums import EnumNodeKind
from onex.settings import Settings
from onex.util.own_code import is_own_code

_OF_UP = frozenset({"kafka_bootstrap_servers", "database_url", "services", "home"})
"""Settings that are launch inputs of their own, or that agents do not use."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_NOT_READ = frozenset({"cases.yaml"})


def code_files(node: ResolvedNode, earlier: Sequence[ResolvedNode]) -> list[Path]:
    """Return the files that an agent reads: those of its node, and the modules outside of libraries that it imports.

    ``earlier`` are the versions whose workflow runs the agent also finishes.
    """
    return _files(_folders(node, earlier))


def launch_inputs(
    node: ResolvedNode, earlier: Sequence[ResolvedNode], settings: Settings, files: Sequence[Path] | None = None
) -> dict[str, str]:
    """Return version, code, addresses of servers and settings, by name.

    ``files`` are those of :func:`code_files`, where the caller has them. Secrets are part of digests only. Raise
    OSError for a file that cannot be read.
    """
    folders = _folders(node, earlier)
    files = _files(folders) if files is None else files
    return {
        "version": str(node.contract.contract_version),
        "code": _digest(*(part for file in files for part in (file.name.encode(), file.read_bytes()))),
        "Kafka": settings.kafka_bootstrap_servers,
        "PostgreSQL": _digest(_database(node, settings)),
        "settings": _digest(_settings(settings), *_variables(folders)),
    }


def _database(node: ResolvedNode, settings: Settings) -> bytes:
    """Return the address of the database; empty for nodes of the kinds that have none."""
    is_effect = node.contract.node_type is EnumNodeKind.EFFECT
    return settings.database_url.get_secret_value().encode() if is_effect else b""


def _folders(node: ResolvedNode, earlier: Sequence[ResolvedNode]) -> list[Path]:
    return [node.folder, *(version.folder for version in earlier)]


def _files(folders: Sequence[Path]) -> list[Path]:
    """Return the files of these folders, and the modules outside of libraries that they import."""
    files = {
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.name not in _NOT_READ
    }
    waiting = [file for file in files if file.suffix == ".py"]
    while waiting:
        imported = set(_imported(waiting.pop())) - files
        files |= imported
        waiting += imported
    return sorted(files)


def _imported(file: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # nothing imports this module; its bytes are an input nevertheless
        return
    for statement in ast.walk(tree):
        match statement:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                base = _absolute("." * level + (module or ""), file)
                modules = [base, *(f"{base}.{alias.name}" for alias in names)] if base else []
            case _:
                continue
        for name in modules:
            yield from _sources(name)


def _absolute(name: str, file: Path) -> str:
    """Return the absolute name of a module that ``file`` imports; empty when it is unknown."""
    if not name.startswith("."):
        return name
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(file):
            try:
                return resolve_name(name, module.__package__ or "")
            except ImportError:
                return ""
    return ""


def _sources(name: str) -> Iterator[Path]:
    """Yield the source files of a module and of its parent packages."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        loaded = sys.modules.get(".".join(parts[:depth]))
        place = getattr(loaded, "__file__", None) if loaded else _unloaded(parts[:depth])
        if place and place.endswith(".py") and is_own_code(place):
            yield Path(place).resolve()


def _unloaded(parts: Sequence[str]) -> str | None:
    """Return the file of a module that is imported later, by a function for instance. Run nothing to find it."""
    for root in sys.path:
        stem = Path(root or ".", *parts)
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                return str(file.resolve())
    return None


def _settings(settings: Settings) -> bytes:
    def revealed(value: object) -> object:
        match value:
            case SecretStr():
                return value.get_secret_value()
            case _:
                return str(value)

    values = settings.model_dump(exclude=set(_OF_UP))
    return json.dumps([__version__, sys.executable, values], default=revealed, sort_keys=True).encode()


def _variables(folders: Sequence[Path]) -> Iterator[bytes]:
    """Yield the values of the variables that the contracts name."""
    for folder in folders:
        for name in sorted(set(_VARIABLE.findall((folder / FILE_NAME).read_text(errors="replace")))):
            yield f"{name}={os.environ.get(name)}".encode(errors="backslashreplace")


def _digest(*parts: bytes) -> str:
    state = blake2b(digest_size=12)
    for part in parts:
        state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()
