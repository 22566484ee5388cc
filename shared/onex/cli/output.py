"""What commands print: tables for people, JSON for programs; and the exit codes."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onex.model.errors import RejectedError

T = TypeVar("T")

_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999."""
_PIPE_WIDTH = 240
"""Columns when nobody looks: a program that reads the output wants whole lines."""

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
errors = Console(stderr=True, soft_wrap=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    """What was asked for came to a bad end: a failed workflow, an unhealthy stack."""
    USAGE = 2
    CONTRACT = 3
    BUS = 4
    REFUSED = 5
    TIMEOUT = 6


def or_refuse(action: Callable[[], T]) -> T:
    """Return what the action returns; a RejectedError is printed and ends the command with ``Exit.REFUSED``."""
    try:
        return action()
    except RejectedError as error:
        errors.print("[red]refused[/] ", end="")
        errors.print(str(error), markup=False)
        raise typer.Exit(Exit.REFUSED) from None


def print_json(data: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(printable(json.dumps(data, default=str, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def printable(text: str) -> str:
    """The text with lone surrogates as ``\\udc00``, as JSON has them: payloads may hold them, UTF-8 does not."""
    return text.encode(errors="backslashreplace").decode()


def when(ms: int) -> datetime:
    """UTC time of milliseconds since 1970; the last time that there is for one beyond it."""
    return datetime.fromtimestamp(min(max(0, ms), _LATEST_MS) / 1000, UTC)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table without borders."""
    console.print(table_of(columns, rows))


def table_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """The same, to be shown live."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(str(cell))) for cell in row))
    return table
