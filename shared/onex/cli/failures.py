"""The error printer: any error that ends a command becomes one line on stderr, and an exit code.

The line names the place, the problem and the remedy. Only an internal error has a traceback, which
``ONEX_LOG_LEVEL=debug`` shows.
"""

import os
import traceback
from typing import Protocol, runtime_checkable

from rich.text import Text

from onex.cli.output import CommandError, Exit, errors
from onex.errors import (
    BusError,
    ConfigurationError,
    ContractError,
    OnexError,
    ProvisioningError,
    RejectedError,
)
from onex.util.error_text import error_text, scrubbed, traceback_text
from onex.util.extras import EXTRA_BY_MODULE, missing_module
from onex.util.printable import one_line, printable

INTERNAL = "internal error"
"""The beginning of the line about a fault of the tool itself."""


@runtime_checkable
class _ProtocolUsageError(Protocol):
    """An invalid command line. Versions of typer take the class from different packages."""

    exit_code: int

    def format_message(self) -> str: ...


def failed(error: BaseException) -> int:
    """Print why a command ended; return its exit code."""
    match error:
        case _ProtocolUsageError():
            if type(error).__name__ != "NoArgsIsHelpError":  # the help is on the screen already
                _line("usage", f"{error.format_message().removesuffix('.')}{_help_of(error)}")
            return error.exit_code
        case ContractError():
            for problem in error.problems:
                _line("error", str(problem))
            return Exit.CONTRACT
        case ProvisioningError() | RejectedError():
            _line("refused", str(error))
            return Exit.REFUSED
        case BusError() | ConfigurationError():
            _line("error", str(error))
            return Exit.BUS
        case CommandError():
            _line("error", str(error))
            return error.code
        case OnexError():
            _line("error", str(error))
        case ModuleNotFoundError() if (error.name or "").partition(".")[0] in EXTRA_BY_MODULE:
            _line("error", missing_module(error.name or ""))
        case OSError() if error.strerror:
            where = ": ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
            remedy = "check that it exists and may be used" if where else "make room or allow it, and run this again"
            _line("error", f"{where or 'the system'}: {error.strerror}; {remedy}")
        case _:
            _internal(error)
    return Exit.FAILED


def _line(kind: str, words: str) -> None:
    errors.print(Text.assemble((kind, "red"), " ", one_line(scrubbed(words))))


def _help_of(error: _ProtocolUsageError) -> str:
    path = getattr(getattr(error, "ctx", None), "command_path", "")
    return f"; see `{path} --help`" if path else ""


def _internal(error: BaseException) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name} ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    try:
        words = f"{type(error).__name__}: {error_text(error)}"
    except Exception:  # noqa: BLE001 - its author may raise anything
        words = type(error).__name__
    if os.environ.get("ONEX_LOG_LEVEL") == "debug":
        errors.print(printable(traceback_text(error)))
    line = f"{words}{where}; ONEX_LOG_LEVEL=debug shows more: report it"
    _line(INTERNAL, line)
