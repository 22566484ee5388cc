"""Versions of a node are folders with the same parent: ``node_x/v1_0_0``, ``node_x/v1_1_0``."""

import re
from collections.abc import Iterable
from pathlib import Path

from onex.contract.load import FILE_NAME, find_contracts

_FOLDER = re.compile(r"v(\d{1,6})_(\d{1,6})_(\d{1,6})")


def version_of(folder: Path) -> tuple[int, int, int] | None:
    """Return the version in the name of a folder. Return None for other names."""
    found = _FOLDER.fullmatch(folder.name)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def newest_contracts(roots: Iterable[Path]) -> list[Path]:
    """Return the contract files in files and folders, in the newest version of each major version of a node.

    Versions of one major share topics, group and state: one of them runs, and it also finishes workflow runs that
    began with an earlier one. Raise ContractError for a root without a contract.
    """
    newest: dict[tuple[object, ...], Path] = {}
    for file in find_contracts(roots):
        folder = file.resolve().parent
        version = version_of(folder)
        # A folder with another name is refused later, with the name that it should have.
        node: tuple[object, ...] = (folder.parent.name, version[0]) if version else (folder,)
        current = newest.get(node)
        if current is None or (version or ()) > (version_of(current.resolve().parent) or ()):
            newest[node] = file
    return list(newest.values())


def find_version(folder: Path, version: str) -> Path | None:
    """Return the folder of another version of the node in ``folder``, or None. A version is written ``1.0.0``."""
    wanted = tuple(version.split("."))
    for file in folder.parent.glob(f"v*/{FILE_NAME}"):
        found = version_of(file.parent)
        if found is not None and tuple(map(str, found)) == wanted:
            return file.parent
    return None
