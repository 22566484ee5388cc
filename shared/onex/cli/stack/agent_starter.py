"""Starts the processes of agents, which share what all of them import."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from onex.util.fork_server import Forked, ForkServer

IMPORTED_ONCE: Final = ("onex.cli.main", "onex.cli.run", "onex.mixins.alerting", "onex.mixins.database")
"""What all agents import, and the capabilities of the nodes that ship: Alerting brings an HTTP client."""


class AgentStarter:
    """Starts processes of agents."""

    def __init__(self) -> None:
        self._server: ForkServer | None = None

    def prepare(self) -> "ForkServer":
        """Import what all agents need, in another process. It takes a second; :meth:`start` waits for it.

        A process that `onex dev` forked has such a process already.
        """
        from onex.util.fork_server import ForkServer, inherited

        if self._server is None:
            self._server = inherited() or ForkServer(IMPORTED_ONCE)
        return self._server

    def start(self, arguments: Sequence[str], log: Path) -> "Forked":
        """Start ``onex`` with these arguments, in a session of its own."""
        from onex.util.fork_server import Program

        log.parent.mkdir(parents=True, exist_ok=True)
        title = " ".join(["onex", *arguments])
        return self.prepare().start(
            Program("onex.cli.main", arguments, dict(os.environ), title, stdout=str(log), stderr=str(log))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
