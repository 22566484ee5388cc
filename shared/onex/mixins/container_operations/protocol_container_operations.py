"""Interface of containers."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Protocol

from onex.mixins.container_operations.facts import (
    ContainerFacts,
    ContainerHealth,
    ContainerStatistics,
    ContainerSummary,
    ExecResult,
    LogLine,
)
from onex.mixins.container_operations.spec import ContainerSpec


class ProtocolContainerOperations(Protocol):
    """Containers of the node, by name or id.

    Every method raises OutageError while the engine is away, and RejectedError for a container that does not exist or
    belongs to another program.
    """

    async def create(self, spec: ContainerSpec, *, key: str = "") -> ContainerFacts:
        """Create a container, or return the one that this key created.

        The key is that of the current message and the content of ``spec``, unless ``key`` replaces it. Raise
        RejectedError for what the contract does not allow, and when the key or the name belongs to another container.
        """
        ...

    async def run(self, spec: ContainerSpec, *, key: str = "") -> ContainerFacts:
        """Create a container and start it, once for the key: one that has ended is not started again."""
        ...

    async def start(self, container: str) -> ContainerFacts:
        """Start a container. One that runs already is not changed."""
        ...

    async def stop(self, container: str, *, grace_seconds: int | None = None) -> ContainerFacts:
        """Stop a container. One that does not run is not changed."""
        ...

    async def restart(self, container: str, *, grace_seconds: int | None = None) -> ContainerFacts:
        """Stop and start a container, once for the current message while the process remembers it."""
        ...

    async def remove(self, container: str, *, force: bool = False) -> bool:
        """Remove a container with its anonymous volumes. Return whether it existed.

        One that runs is removed with ``force`` only.
        """
        ...

    async def exec(
        self,
        container: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        user: str = "",
        workdir: str = "",
        seconds: float | None = None,
        key: str = "",
    ) -> ExecResult:
        """Run a command in a running container and return its exit code and output.

        With ``key``, a repeated attempt of the same message returns the remembered result and runs nothing. Raise
        CallTimeoutError after ``seconds``; the command goes on in the container.
        """
        ...

    def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: int = 0,
        stream: Literal["both", "stdout", "stderr"] = "both",
        seconds: float | None = None,
    ) -> AsyncGenerator[LogLine, None]:
        """Yield lines of the log, the oldest first.

        ``follow`` goes on until the container ends; CallTimeoutError after ``seconds``. ``tail`` starts that many
        lines before the end, ``since`` at a Unix time in seconds.
        """
        ...

    async def statistics(self, container: str) -> ContainerStatistics:
        """Return the use of resources. It takes the engine one to two seconds."""
        ...

    async def wait(self, container: str, *, seconds: float | None = None) -> int:
        """Return the exit code when the container does not run any more. Raise CallTimeoutError after ``seconds``."""
        ...

    async def health(self, container: str) -> ContainerHealth:
        """Return the result of the engine's check of the container."""
        ...

    async def wait_healthy(self, container: str, *, seconds: float | None = None) -> ContainerHealth:
        """Return when the engine's check of a running container succeeds.

        Raise TransientError when the container is unhealthy or does not run, CallTimeoutError after ``seconds``
        (``wait_timeout_seconds`` without), and RejectedError for a container without a check.
        """
        ...

    async def find(self, container: str) -> ContainerFacts | None:
        """Return a container, or None when it does not exist."""
        ...

    async def list(self, *, limit: int = 100) -> Sequence[ContainerSummary]:
        """Return the containers of this node, the newest first, also those that have ended."""
        ...
