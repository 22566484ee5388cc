"""Returns memory that Python has freed to the operating system."""

import ctypes
import gc
from collections.abc import Callable


def _trim_of_library() -> Callable[[int], int] | None:
    """Return the function ``malloc_trim`` of the C library. None for a library without it, such as musl."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    return trim


def free_memory(trim: Callable[[int], int] | None = None) -> None:
    """Free cycles, and let the allocator return pages that are free.

    Without this the process stays as large as it was: glibc keeps freed pages for the next allocation. It takes some
    tenths of a second for a heap of a gigabyte.
    """
    gc.collect()
    trim = trim or _trim_of_library()
    if trim is not None:
        trim(0)
