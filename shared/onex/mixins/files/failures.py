"""What a failure of the operating system means for the message."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onex.errors import OutageError, RejectedError

_OF_THE_PATH = {
    errno.ELOOP: "leads through a symlink",
    errno.ENOTDIR: "leads through a file or a symlink",
    errno.EISDIR: "is a folder",
    errno.ENAMETOOLONG: "is too long",
    errno.ENXIO: "is no file",
}
"""All other failures, such as a full disk or a lost permission, concern every message."""


@contextmanager
def failures_of(folder: Path) -> Iterator[None]:
    """Turn an OSError into RejectedError when the path is the reason, else into OutageError."""
    try:
        yield
    except OSError as error:
        if (problem := _OF_THE_PATH.get(error.errno or 0)) is not None:
            raise RejectedError(f"the path of a file {problem}") from None
        raise OutageError(f"{folder}: {error.strerror or type(error).__name__}") from error
