"""Folders of nodes that installed packages provide, found by entry points."""

from importlib.metadata import entry_points
from pathlib import Path

GROUP = "onex.nodes"
"""The value of an entry point in this group is a function that returns a folder of nodes."""


def installed_roots() -> list[Path]:
    """Return the folders of nodes of all installed packages, by the names of the entry points."""
    return [Path(entry.load()()) for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
