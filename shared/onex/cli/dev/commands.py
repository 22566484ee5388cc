"""The commands of `onex` that `onex dev` forks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from onex.cli.dev.child import Child
from onex.cli.stack.agent_starter import IMPORTED_ONCE
from onex.util.fork_server import ForkServer

_IMPORTED: Final = (
    *IMPORTED_ONCE,
    "onex.cli.stack.up",
    "onex.cli.stack.down",
    "onex.cli.stack.status",
    "onex.cli.stack.launch_inputs",
    "onex.cli.stack.unfinished_runs",
    "onex.cli.provision",
    "onex.cli.top",
    "onex.cli.messages.send",
    "onex.local",
)
"""What the commands import: none of these imports a node."""
_ENVIRONMENT: Final = {"TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
"""No colours in what is read again. No bytecode: it has the time of its source in seconds, and a file that changes
twice in one second would run as it was first."""


class Commands:
    """Starts commands from one process with their imports. ``close`` ends all but `onex up` and `onex down`."""

    def __init__(self, services: Sequence[Path], options: Sequence[str]) -> None:
        """``options`` are those of `onex up`."""
        self._server = ForkServer(_IMPORTED, environment=_ENVIRONMENT)
        self._services = [word for folder in services for word in ("--services", str(folder))]
        self._options = options

    def up(self, *, agents: bool) -> Child:
        """Make the agents what contracts and code are now; without ``agents`` start servers only."""
        only_servers = [] if agents else ["--no-agents"]
        return Child(self._server, ["up", *self._services, *self._options, *only_servers], tied=False, forks=True)

    def down(self) -> Child:
        """Stop agents and servers."""
        return Child(self._server, ["down"], tied=False)

    def status(self) -> Child:
        """Print the states of servers and agents."""
        return Child(self._server, ["status"])

    def top(self) -> Child:
        """Print a sample of the roster each second."""
        return Child(self._server, ["top", "--json"])

    def send(self, arguments: Sequence[str]) -> Child:
        """Send a command."""
        return Child(self._server, arguments)

    def close(self) -> None:
        """End the process, and commands that print."""
        self._server.close()
