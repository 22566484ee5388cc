"""Results by content: in memory, and below a folder. An entry is data, checked when it is read, and never code."""

import contextlib
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock

from pydantic import BaseModel, ConfigDict, ValidationError

import onex
from onex.codegen.model import EnumValidationStage, ModelFinding

_FORMAT = 1
"""Version of the rules and of the entries: other versions have other keys."""
_MOST_IN_MEMORY = 512
_MOST_ON_DISK = 4096
_LARGEST_ENTRY = 4 << 20
_TOOLS = ("bandit", "mypy", "onex-mesh", "pydantic")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    stage: EnumValidationStage
    findings: tuple[ModelFinding, ...]


class ResultCache:
    """Findings of a stage by key. Threads may share it, and processes may share its folder."""

    def __init__(self, folder: Path | None, *, most_on_disk: int = _MOST_ON_DISK) -> None:
        """Without a folder, results stay in memory."""
        self._folder = folder / "results" if folder else None
        self._most_on_disk = most_on_disk
        self._entries: OrderedDict[str, tuple[ModelFinding, ...]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str, stage: EnumValidationStage) -> tuple[ModelFinding, ...] | None:
        """Return the findings of an earlier run. An entry that cannot be read counts as none."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        file = self._file(key)
        if file is None or (entry := _read(file)) is None or entry.key != key or entry.stage is not stage:
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        self._remember(key, entry.findings)
        return entry.findings

    def put(self, key: str, stage: EnumValidationStage, findings: tuple[ModelFinding, ...]) -> None:
        """Store findings. A folder that cannot be written is no error: the next validation takes longer."""
        self._remember(key, findings)
        file = self._file(key)
        if file is None:
            return
        text = _Entry(key=key, stage=stage, findings=findings).model_dump_json()
        if len(text) > _LARGEST_ENTRY:
            return
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(file, text)
            self._make_room(file.parent)

    def _remember(self, key: str, findings: tuple[ModelFinding, ...]) -> None:
        with self._lock:
            self._entries[key] = findings
            self._entries.move_to_end(key)
            while len(self._entries) > _MOST_IN_MEMORY:
                self._entries.popitem(last=False)

    def _file(self, key: str) -> Path | None:
        return self._folder / key[:1] / f"{key}.json" if self._folder else None

    def _make_room(self, folder: Path) -> None:
        """Remove the entries of one of the sixteen folders that were not used for longest."""
        entries = list(folder.glob("*.json"))
        most = max(1, self._most_on_disk // 16)
        if len(entries) > most:
            entries.sort(key=lambda file: file.stat().st_mtime_ns)
            for file in entries[: len(entries) - most]:
                file.unlink(missing_ok=True)


def _read(file: Path) -> _Entry | None:
    try:
        status = file.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_size > _LARGEST_ENTRY:
            return None
        return _Entry.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _write(file: Path, text: str) -> None:
    """Write the whole entry or nothing."""
    number, name = tempfile.mkstemp(prefix=".", dir=file.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as part:
            part.write(text)
        os.replace(name, file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def key_of(stage: EnumValidationStage, *contents: Mapping[str, str], settings: Iterable[str] = ()) -> str:
    """Return the key of a stage's result: files, settings, tools, installed packages, and the code of the mesh."""
    digest = hashlib.sha256()
    for part in (str(_FORMAT), stage, *_versions(), _code_of_the_mesh(), *_installed(), *sorted(settings)):
        digest.update(part.encode() + b"\0")
    for content in contents:
        for path, text in sorted(content.items()):
            digest.update(json.dumps([path, text]).encode())
        digest.update(b"\0")
    return digest.hexdigest()


@cache
def _versions() -> tuple[str, ...]:
    found = [sys.version]
    for name in _TOOLS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return tuple(found)


@cache
def _code_of_the_mesh() -> str:
    """Return a digest over the sizes and times of the modules of ``onex``, which mypy and IMPORTS read."""
    root = Path(onex.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        status = file.stat()
        digest.update(f"{file.relative_to(root)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _installed() -> list[str]:
    """Return the folders of packages with the times at which one was installed or removed last."""
    found = []
    for name in (path for path in sys.path if path.endswith(("site-packages", "dist-packages"))):
        with contextlib.suppress(OSError):
            found.append(f"{name} {os.stat(name).st_mtime_ns}")
    return found
