"""Rounds of `onex up`: each makes the agents what contracts and code are now."""

from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from onex.cli.output import Exit


class Round(Protocol):
    """One `onex up` that runs."""

    def poll(self) -> int | None: ...
    def lines(self) -> list[str]: ...
    def interrupt(self) -> None: ...
    def kill(self) -> None: ...


class StartRound(Protocol):
    """Starts `onex up`."""

    def __call__(self, *, agents: bool) -> Round: ...


class ReportRounds(Protocol):
    """What becomes visible of rounds."""

    def changed(self, files: Sequence[Path]) -> None: ...
    def line(self, text: str) -> None: ...
    def succeeded(self) -> None: ...
    def failed(self, code: int, lines: Sequence[str], *, agents_run: bool) -> None: ...


class Stage(Enum):
    """How far the start has come."""

    SERVERS = auto()
    """Kafka and PostgreSQL do not run yet."""
    AGENTS = auto()
    """The servers run, and no round has started agents."""
    RUNNING = auto()
    """The agents of a round run. They stay while contracts or code are wrong."""


class Rounds:
    """Runs one round at a time. A change during a round interrupts it, which undoes it, and starts another."""

    def __init__(self, start: StartRound, report: ReportRounds, *, servers_first: bool) -> None:
        """``servers_first``: start servers in a round of their own, so that they stay when agents do not start."""
        self._start = start
        self._report = report
        self._servers_first = servers_first
        self.stage = Stage.SERVERS
        self.code: int | None = None
        """Exit code of the last round that ended by itself."""
        self.successes = 0
        """Rounds after which agents run."""
        self._current: Round | None = None
        self._of_servers = False
        self._lines: list[str] = []
        self._is_wanted = True
        self._is_interrupted = False

    @property
    def is_idle(self) -> bool:
        """Whether no round runs, and none is about to start."""
        return self._current is None and not self._is_wanted

    def want(self) -> None:
        """Start a round, also without a change."""
        self._is_wanted = True

    def changed(self, files: Sequence[Path]) -> None:
        """Start a round for changed files, instead of the current one."""
        self._report.changed(files)
        self._is_wanted = True
        if self._current is not None and self.stage is not Stage.SERVERS and not self._is_interrupted:
            self._is_interrupted = True
            self._current.interrupt()

    def step(self) -> None:
        """Report what the current round wrote, and its end; start the next one."""
        if self._current is not None:
            code = self._current.poll()
            self._take(self._current.lines())
            if code is None:
                return
            self._current = None
            if code == Exit.OK or not self._is_interrupted:
                self._end(code)  # the interrupt may come when the agents run already
        if self._is_wanted:
            self._is_wanted, self._is_interrupted, self._lines = False, False, []
            self._of_servers = self._servers_first and self.stage is Stage.SERVERS
            self._current = self._start(agents=not self._of_servers)

    def stop(self) -> bool:
        """Interrupt the current round. Return whether none runs any more; call it until then."""
        self._is_wanted = False
        if self._current is None:
            return True
        if not self._is_interrupted:
            self._is_interrupted = True
            self._current.interrupt()
        has_ended = self._current.poll() is not None
        self._take(self._current.lines())
        if has_ended:
            self._current = None
        return has_ended

    def kill(self) -> None:
        """End the current round immediately. What it started continues to run."""
        if self._current is not None:
            self._current.kill()
            self._current = None

    def _take(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._lines.append(line)
            if not self._is_interrupted:
                self._report.line(line)

    def _end(self, code: int) -> None:
        self.code = code
        match code, self._of_servers:
            case Exit.OK, True:
                self.stage, self._is_wanted = Stage.AGENTS, True
            case Exit.OK, False:
                self.stage = Stage.RUNNING
                self.successes += 1
                self._report.succeeded()
            case _:
                self._report.failed(code, self._lines, agents_run=self.stage is Stage.RUNNING)
