"""Output of commands: tables for people, JSON for programs, and exit codes."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated

import typer
from rich.table import Table

from onex.cli.terminal import Terminal
from onex.errors import OnexError
from onex.util.clock import LATEST_MS
from onex.util.printable import one_line, printable

_PIPE_WIDTH = 240
"""Columns when the output is not a terminal: a program that reads it needs whole lines."""

console = Terminal(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
errors = Terminal(stderr=True, soft_wrap=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    """The command worked, and its result is a failure: a failed workflow, an unhealthy stack."""
    USAGE = 2
    CONTRACT = 3
    BUS = 4
    REFUSED = 5
    TIMEOUT = 6


class CommandError(OnexError):
    """Ends a command with this line and an exit code."""

    def __init__(self, words: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(words)
        self.code = code


def print_json(data: object) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json_line(data))
    sys.stdout.flush()


def json_line(data: object) -> str:
    """Return one JSON document as a line that is safe on any terminal."""
    return printable(json.dumps(data, default=str, ensure_ascii=not _takes_unicode())) + "\n"


def _takes_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def when(ms: int) -> datetime:
    """Return the UTC time of milliseconds since 1970; at most the end of the year 9999."""
    return datetime.fromtimestamp(min(max(0, ms), LATEST_MS) / 1000, UTC)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table without borders."""
    console.print(table_of(columns, rows))


def table_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table without borders."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(one_line, row))
    return table
