"""What `onex dev` shows."""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from rich.text import Text

from onex.cli.output import console, errors
from onex.util.printable import one_line

_PLACE: Final = re.compile(r"error (?P<file>[^:]+):(?P<line>[1-9][0-9]{0,6}): ")
_LOG: Final = re.compile(r"[^ ,;]+\.log\b")
_MOST_FILES, _MOST_LINES, _LOG_LINES, _LONGEST = 5, 50, 8, 300


class Display(Protocol):
    """Shows what happens."""

    def changed(self, files: Sequence[Path]) -> None:
        """Show the files that changed."""
        ...

    def line(self, text: str) -> None:
        """Show a line of `onex up`, or of another command."""
        ...

    def succeeded(self) -> None:
        """Show that the agents run."""
        ...

    def failed(self, code: int, lines: Sequence[str], *, agents_run: bool) -> None:
        """Show why a round failed. ``agents_run``: those before it continue to run."""
        ...


class PlainDisplay:
    """Prints lines: for a log, for CI and for terminals without a cursor."""

    def __init__(self, *, follows: bool) -> None:
        """``follows``: files are watched."""
        self._follows = follows

    def changed(self, files: Sequence[Path]) -> None:
        """Print the files that changed."""
        console.print(Text.assemble(("changed", "bold"), f" {names_of(files)}"))

    def line(self, text: str) -> None:
        """Print a line. An error has the line of its file below it."""
        console.print(marked(text))
        if excerpt := excerpt_of(text):
            console.print(Text(f"  {excerpt}", "dim"))

    def succeeded(self) -> None:
        """Print that agents run and files are watched."""
        if self._follows:
            console.print(Text("ready: save a file to reload its node; Ctrl-C stops everything", "green"))

    def failed(self, code: int, lines: Sequence[str], *, agents_run: bool) -> None:
        """Print the ends of logs that the lines name, and what runs now."""
        for log, ending in log_endings(lines):
            console.print(Text(f"  {log}:", "dim"))
            for text in ending:
                console.print(Text(f"    {text}", "dim"))
        if self._follows:
            errors.print(Text(state_after_failure(code, agents_run=agents_run), "red"))


def state_after_failure(code: int, *, agents_run: bool) -> str:
    """Return what runs after a round that failed, and what to do."""
    state = "the agents before it continue to run" if agents_run else "no agents run"
    return f"not reloaded (exit code {code}): {state}; correct the problem and save the file"


def names_of(files: Sequence[Path]) -> str:
    """Return some of the names in one line."""
    shown = ", ".join(shortened(file) for file in files[:_MOST_FILES])
    more = len(files) - _MOST_FILES
    return one_line(f"{shown} and {more} more" if more > 0 else shown)


def shortened(path: Path) -> str:
    """Return a path relative to the working folder if it is below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def marked(line: str) -> Text:
    """Return a line of a command with its kind in colour."""
    kind, space, words = line.partition(" ")
    style = {"error": "red", "refused": "red", "warning": "yellow"}.get(kind, "")
    return Text.assemble((kind, style), space, words)


def excerpt_of(line: str) -> str:
    """Return the line of the file that an error names, with its number; empty without one."""
    place = _PLACE.match(line)
    if place is None:
        return ""
    number = int(place["line"])
    try:
        with Path(place["file"]).open(errors="replace") as file:
            text = next(islice((each for each in file), number - 1, number), "").rstrip()
    except OSError:
        return ""
    return one_line(f"{number} | {text[:_LONGEST]}") if text else ""


def log_endings(lines: Sequence[str]) -> list[tuple[Path, list[str]]]:
    """Return the last lines of the logs that the lines name."""
    from onex.local.process import tail

    logs = dict.fromkeys(Path(name) for line in lines[-_MOST_LINES:] for name in _LOG.findall(line))
    return [(log, [one_line(text[:_LONGEST]) for text in tail(log, _LOG_LINES).splitlines()]) for log in logs]
