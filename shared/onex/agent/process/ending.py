"""Every end of an agent has a line in its log."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from onex.errors import OnexError
from onex.util.error_text import text_of

log = structlog.get_logger(__name__)
_STDERR = 2


@contextmanager
def logged_end(*printed: type[Exception]) -> Iterator[None]:
    """Log why the block ends with an exception, and raise it. ``printed``: exceptions that the caller reports itself.

    SystemExit is logged, too, because it ends a process without a word: code of a node or of a capability may call
    ``sys.exit``. So is a cancellation.
    """
    try:
        yield
    except printed:
        raise
    except OnexError as error:
        log.critical("agent failed", reason=text_of(error))
        raise
    except OSError as error:  # of a file or a socket anywhere in the agent: its text does not say where
        log.critical("agent failed", reason=text_of(error), exc_info=True)
        raise
    except BaseException:
        log.critical("agent failed", exc_info=True)
        raise


def show_crashes() -> None:
    """Have a crash in native code write the stacks of all threads to stderr. Otherwise it ends without a word."""
    if not faulthandler.is_enabled():
        faulthandler.enable(_STDERR)
