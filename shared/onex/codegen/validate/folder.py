"""The files of nodes on disk."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from onex.codegen.model import EnumValidationStage, ModelFinding, ModelValidationResult
from onex.codegen.validate.rule import Rule, shown
from onex.codegen.validate.sources import LARGEST_FILE, MOST_FILES
from onex.codegen.validate.validator import NodeValidator
from onex.errors import ConfigurationError

_READ = Rule("syntax.read", "save it as UTF-8 text in a plain file")
_SUFFIXES = (".py", ".pyi", ".yaml", ".yml")
_LEFT_OUT = frozenset({"__pycache__", "node_modules"})
_VERSION = re.compile(r"v[0-9]+_[0-9]+_[0-9]+")


def validate_folder(path: Path, validator: NodeValidator | None = None) -> tuple[ModelValidationResult, ...]:
    """Validate a node, several nodes, or one file, with the files around it that it belongs to.

    ``path`` is a services folder, a folder of a node or of its version, or a file in one. Raise ConfigurationError
    when there is nothing to check.
    """
    root, top = _roots(path.absolute())
    files, findings = read_folder(top, root) if path.exists() else ({}, [])
    if not files and not findings:
        raise ConfigurationError(f"{path}: no node here; name a folder with node.py and contract.yaml")
    if findings:
        return (ModelValidationResult(stage=EnumValidationStage.SYNTAX, findings=tuple(findings), seconds=0.0),)
    checker = validator or NodeValidator(roots=[root])
    return checker.validate(files)


def read_folder(top: Path, root: Path) -> tuple[Mapping[str, str], list[ModelFinding]]:
    """Return the texts below ``top`` by path below ``root``, and findings about files that cannot be read.

    Links are not followed: they may lead out of the folder.
    """
    files: dict[str, str] = {}
    findings: list[ModelFinding] = []
    for file in _files(top):
        path = file.relative_to(root).as_posix()
        if len(files) > MOST_FILES:
            break  # one more than allowed: the validator refuses them
        try:
            if file.is_symlink() or not file.is_file():
                findings.append(_READ.at(shown(path), 0, "is a link, or no plain file"))
            elif file.stat().st_size > 4 * LARGEST_FILE:
                findings.append(_READ.at(shown(path), 0, "is too large", "split it"))
            else:
                files[path] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            line = file.read_bytes().count(b"\n", 0, error.start) + 1
            findings.append(_READ.at(shown(path), line, "is no UTF-8"))
        except OSError as error:
            findings.append(_READ.at(shown(path), 0, f"cannot be read: {error.strerror}"))
    return files, findings


def _roots(path: Path) -> tuple[Path, Path]:
    """Return the services folder that ``path`` is in, and the folder to read."""
    folder = path if path.is_dir() else path.parent
    for candidate in (folder, *folder.parents[:2]):  # a file of models/ belongs to the node above it
        if (candidate / "contract.yaml").exists() or (candidate / "node.py").exists():
            is_version = _VERSION.fullmatch(candidate.name) and candidate.parent.name.startswith("node_")
            return (candidate.parent.parent if is_version else candidate), candidate
    return (folder.parent if folder.name.startswith("node_") else folder), folder


def _files(top: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(top, followlinks=False):
        names[:] = sorted(n for n in names if n not in _LEFT_OUT and not n.startswith("."))
        for name in sorted(files):
            if name.endswith(_SUFFIXES):
                yield Path(folder, name)
