"""The roster while the mesh runs, from ``onex top --json``."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError

from onex.cli.dev.rounds import Round
from onex.cli.roster import RosterRow

_ROWS: Final = TypeAdapter(tuple[RosterRow, ...])
_RETRY: Final = 5.0
"""Seconds until a command that has ended starts again."""


class LiveRoster:
    """Runs the command again after each round: it knows the contracts of its start."""

    def __init__(self, start: Callable[[], Round], rounds: Callable[[], int]) -> None:
        """``rounds`` returns the number of rounds that succeeded."""
        self._start = start
        self._rounds = rounds
        self._known_rounds = 0
        self._command: Round | None = None
        self._ended_at = 0.0
        self.rows: Sequence[RosterRow] = ()
        self.remark = ""
        """The last line of a command that failed."""

    def stop(self) -> None:
        """End the command. The rows stay until there are others."""
        if self._command is not None:
            self._command.kill()
            self._command = None

    def step(self) -> None:
        """Take what the command wrote; start it when it has ended, or when there was a round."""
        if self._rounds() != self._known_rounds:
            self._known_rounds, self._ended_at = self._rounds(), 0.0
            self.stop()
        if self._command is None:
            if self._known_rounds and time.monotonic() - self._ended_at >= _RETRY:
                self._command = self._start()
            return
        ended = self._command.poll() is not None
        for line in self._command.lines():
            try:
                self.rows, self.remark = _ROWS.validate_json(line), ""
            except ValidationError:
                self.remark = line
        if ended:
            self._command, self._ended_at = None, time.monotonic()
