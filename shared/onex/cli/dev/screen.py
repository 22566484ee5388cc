"""The full screen of `onex dev`: roster, what happens, and the log of the chosen node."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from onex.cli.dev.agent_log import AgentLog
from onex.cli.dev.display import PlainDisplay, excerpt_of, log_endings, marked, names_of, state_after_failure
from onex.cli.keys import DOWN, UP
from onex.cli.output import console
from onex.cli.roster import SORT_KEYS, SORTS, RosterRow, roster_head, roster_table, sorted_rows

_INTERVAL: Final = 0.3
"""Seconds between two drawings without a key."""
_SHOWN_MESSAGES, _SHOWN_PROBLEMS = 6, 16
_KEYS: Final = f"q quit   s send the last command again   u start what has ended   ↑↓ choose   {SORT_KEYS}"


class Screen:
    """A display for terminals with a cursor. After its block it prints lines."""

    def __init__(
        self,
        rows: Callable[[], Sequence[RosterRow]],
        log: AgentLog,
        chosen: str = "",
        remark: Callable[[], str] = str,
    ) -> None:
        """``chosen``: node whose log is shown first. ``remark`` returns why the rows are not of now; empty else."""
        self._rows = rows
        self._remark = remark
        self._log = log
        self._chosen = chosen
        self._order = "n"
        self._state = Text("starting", "yellow")
        self._messages: deque[Text] = deque(maxlen=_SHOWN_MESSAGES)
        self._problems: list[Text] = []
        self._drawn_at = 0.0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None
            for problem in self._problems:
                console.print(problem)

    def changed(self, files: Sequence[Path]) -> None:
        """Show that a node is about to be reloaded."""
        self._state = Text(f"reloading: {names_of(files)}", "yellow")

    def line(self, text: str) -> None:
        """Show a line among the last ones. After the block, print it."""
        if self._live is None:
            PlainDisplay(follows=False).line(text)
            return
        self._messages.append(marked(text))

    def succeeded(self) -> None:
        """Show that the agents run."""
        self._state = Text("ready: save a file to reload its node", "green")
        self._problems.clear()

    def failed(self, code: int, lines: Sequence[str], *, agents_run: bool) -> None:
        """Show errors with the lines of their files, until a round succeeds."""
        self._state = Text(state_after_failure(code, agents_run=agents_run), "red")
        self._problems = []
        for line in lines:
            if line.startswith(("error", "refused", "internal")):
                self._problems.append(_wrapped(marked(line)))
                if excerpt := excerpt_of(line):
                    self._problems.append(_wrapped(Text(f"  {excerpt}", "dim")))
        for log, ending in log_endings(lines):
            self._problems += [_wrapped(Text(f"  {log.name}  {text}", "dim")) for text in ending]

    def press(self, key: str) -> None:
        """Choose a node or an order."""
        names = [row.node for row in sorted_rows(self._rows(), self._order)] or self._log.nodes()
        step = {UP: -1, "k": -1, DOWN: 1, "j": 1}.get(key, 0)
        if step and names:
            place = names.index(self._chosen) if self._chosen in names else -(step > 0)
            self._chosen = names[(place + step) % len(names)]
        elif key in SORTS:
            self._order = key
        self._drawn_at = 0.0

    def step(self) -> None:
        """Draw, a few times a second."""
        if self._live is not None and time.monotonic() - self._drawn_at >= _INTERVAL:
            self._drawn_at = time.monotonic()
            self._live.update(self.drawing(console.size.width, console.size.height), refresh=True)

    def drawing(self, width: int, height: int) -> RenderableType:
        """Return everything, in this number of columns and lines."""
        rows = sorted_rows(self._rows(), self._order)
        names = [row.node for row in rows] or self._log.nodes()
        if self._chosen not in names and names:
            self._chosen = names[0]
        upper: list[RenderableType] = [roster_head("onex dev", rows) if rows else Text("onex dev", "bold"), Text()]
        if rows:
            upper += [roster_table(rows, self._chosen), Text()]
        if remark := self._remark():
            upper.append(_cut(Text(f"roster: {remark}", "red")))
        upper.append(_cut(self._state))
        below = self._problems[:_SHOWN_PROBLEMS] or [_cut(message) for message in self._messages]
        used = len(upper) + len(rows) + sum(1 + len(text.plain) // max(1, width) for text in below) + 3
        lines = self._log.ending(self._chosen, height - used) if self._chosen else []
        return Group(
            *upper,
            *below,
            Text(),
            Text(f"log of {self._chosen}" if self._chosen else "no agents", "bold"),
            *(_cut(Text(line)) for line in lines),
            _cut(Text(_KEYS, "dim")),
        )


def _wrapped(text: Text) -> Text:
    """Return the text in as many lines as it needs."""
    text.no_wrap, text.overflow = False, "fold"
    return text


def _cut(text: Text) -> Text:
    """Return the text as one line of any width."""
    cut = text.copy()
    cut.no_wrap, cut.overflow = True, "ellipsis"
    return cut
