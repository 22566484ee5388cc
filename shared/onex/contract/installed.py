"""Folders of nodes that installed packages provide, found by entry points."""

from importlib.metadata import entry_points
from pathlib import Path

import structlog

from onex.util.error_text import text_of

log = structlog.get_logger(__name__)

GROUP = "onex.nodes"
"""The value of an entry point in this group is a function that returns a folder of nodes."""


def installed_roots() -> list[Path]:
    """Return the folders of nodes of all installed packages, by the names of the entry points.

    A package whose entry point fails, or names no folder, is reported in the log and left out.
    """
    roots: list[Path] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            root = Path(entry.load()())
        except Exception as error:  # noqa: BLE001 - code of another package, which may raise anything
            log.warning(
                "nodes of a package cannot be found", entry_point=f"{GROUP}: {entry.name}", error=text_of(error)
            )
            continue
        if root.is_dir():
            roots.append(root)
        else:
            log.warning("nodes of a package cannot be found", entry_point=f"{GROUP}: {entry.name}", error="no folder")
    return roots
