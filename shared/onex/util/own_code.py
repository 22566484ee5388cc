"""Distinguishes code of nodes and applications from code of libraries."""

import re
import sysconfig
from functools import lru_cache
from pathlib import Path

import onex

_LIBRARIES = (
    *(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    Path(onex.__file__).resolve().parent,
)
_INSTALLED = ("site-packages", "dist-packages")
_OF_A_NODE = re.compile(r"[/\\]v\d+_\d+_\d+[/\\]")
"""Folder of a node's version: an installed node is no library."""


@lru_cache(maxsize=1024)
def is_own_code(filename: str) -> bool:
    """Return whether a file belongs to a node or its application: not to Python, an installed library or the mesh."""
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    if _OF_A_NODE.search(str(path)):
        return True
    if any(part in _INSTALLED for part in path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _LIBRARIES)
