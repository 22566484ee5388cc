"""Relative paths, which may come from a message."""

from onex.errors import RejectedError

CHANGES = ".onex-changes"
"""Folder of interrupted commits, below the folder of the files."""
_MOST_PARTS = 16
_MOST_BYTES_OF_PART = 255
"""Of a name, on the file systems of Linux."""


def parts_of(path: str) -> tuple[str, ...]:
    """Return the names in a path. Raise RejectedError for a path that could leave the folder, without the path."""
    parts = tuple(path.split("/"))
    if len(parts) > _MOST_PARTS or not all(_is_name(part) for part in parts) or parts[0] == CHANGES:
        raise RejectedError(
            "the path of a file is not valid; use at most 16 names with slashes between, no dots alone, no controls"
        )
    return parts


def _is_name(part: str) -> bool:
    try:
        fits = 0 < len(part.encode()) <= _MOST_BYTES_OF_PART
    except UnicodeEncodeError:
        return False
    return fits and part not in (".", "..") and part.isprintable() and "\\" not in part
