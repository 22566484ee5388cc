"""Where checks of earlier generations are stored, so that a later one is quick."""

import os
from pathlib import Path

_PARTS = ("onex", "codegen")


def cache_folder() -> Path | None:
    """Return the user's folder for caches (XDG Base Directory Specification); None where none can be made."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = root.joinpath(*_PARTS)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None
