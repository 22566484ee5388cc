"""Other nodes whose messages the checked files import. Their files are read, not imported and not checked."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from onex.codegen.validate.sources import LARGEST_FILE, is_test

_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(node_[a-z0-9_]+)\.(v[0-9_]+)\b", re.MULTILINE)
_MOST_FILES = 500


def sibling_files(files: Mapping[str, str], roots: Iterable[str]) -> dict[str, str]:
    """Return the Python files of imported nodes that are not among ``files``, and of those that these import.

    ``roots`` are the folders in which nodes are. A node that is in none of them is left out: IMPORTS reports it.
    """
    found: dict[str, str] = {}
    present = {"/".join(path.split("/")[:2]) for path in files}
    folders = [Path(root) for root in dict.fromkeys(roots)]
    pending = list(_imported(files.values()))
    while pending and len(found) < _MOST_FILES:
        name = pending.pop()
        if name in present:
            continue
        present.add(name)
        texts = next((texts for folder in folders if (texts := _texts(folder, name))), {})
        found |= texts
        pending += _imported(texts.values())
    return found


def _imported(texts: Iterable[str]) -> Iterable[str]:
    return sorted({f"{node}/{version}" for text in texts for node, version in _IMPORT.findall(text)})


def _texts(folder: Path, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted((folder / name).rglob("*.py")):
        path = file.relative_to(folder).as_posix()
        try:
            if not is_test(path) and file.stat().st_size <= LARGEST_FILE:
                found[path] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return found
