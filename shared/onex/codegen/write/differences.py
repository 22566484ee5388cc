"""The difference between a rendered package and the package on disk."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onex.codegen.write.package_reader import read_package
from onex.codegen.write.package_writer import stale_files
from onex.codegen.write.places import checked_folder, package_of


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that would change, with its unified difference."""

    name: str
    """Path below the services folder."""
    lines: Sequence[str]
    """Without line ends."""


def differences(files: Mapping[str, str], output: Path) -> list[FileDifference]:
    """Return each file that a writing below ``output`` would change or remove, in the order of the package."""
    package = package_of(files)
    existing = read_package(checked_folder(output, package))
    changed = []
    for name, text in files.items():
        before = existing.get(name.removeprefix(f"{package}/"))
        if before != text.encode():
            changed.append(FileDifference(name, _unified(name, before, text)))
    for name in sorted(stale_files(existing, {name.removeprefix(f"{package}/") for name in files})):
        whole = f"{package}/{name}"
        changed.append(FileDifference(whole, _unified(whole, existing[name], None)))
    return changed


def _unified(name: str, before: bytes | None, after: str | None) -> list[str]:
    old = (before or b"").decode(errors="replace").splitlines()
    origin = "/dev/null" if before is None else f"a/{name}"
    target = "/dev/null" if after is None else f"b/{name}"
    lines = list(difflib.unified_diff(old, (after or "").splitlines(), origin, target, lineterm=""))
    return lines or [f"--- a/{name}", f"+++ b/{name}", "(the files differ in line ends alone)"]
