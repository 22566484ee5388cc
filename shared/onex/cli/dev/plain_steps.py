"""What lines show of the roster and of a log, where there is no screen."""

from collections.abc import Callable, Sequence

from onex.cli.dev.agent_log import AgentLog
from onex.cli.roster import RosterRow


class DeadLetterLines:
    """Prints a line when a node has more dead letters."""

    def __init__(self, rows: Callable[[], Sequence[RosterRow]], report: Callable[[str], None]) -> None:
        self._rows = rows
        self._report = report
        self._before: dict[str, int] = {}

    def step(self) -> None:
        """Compare with the sample before."""
        for row in self._rows():
            more = row.dead_letters - self._before.get(row.node, row.dead_letters)
            self._before[row.node] = row.dead_letters
            if more > 0:
                remedy = f"`onex dlq list --node {row.node}` shows them"
                numbers = f"{row.dead_letters} dead letters (+{more}), lag {row.lag}, {row.rate:.1f}/s"
                self._report(f"warning {row.node}: {numbers}; {remedy}")


class LogLines:
    """Prints what a node logs."""

    def __init__(self, log: AgentLog, node: str, report: Callable[[str], None]) -> None:
        self._log = log
        self._node = node
        self._report = report

    def step(self) -> None:
        """Print the lines since the previous step."""
        for line in self._log.added(self._node):
            self._report(f"log {self._node}  {line}")
