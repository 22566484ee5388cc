"""Interface of the Docker client."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from aiodocker import Docker


@dataclass(frozen=True, slots=True)
class DockerVersion:
    """An engine and the versions of its API."""

    engine: str
    """Version of the engine, like ``20.10.24``."""
    api: str
    """The version of the API that calls use, like ``1.41``."""
    min_api: str
    max_api: str
    os: str
    arch: str


@dataclass(frozen=True, slots=True)
class DockerEvent:
    """Something that happened in the engine."""

    type: str
    """``container``, ``image``, ``volume`` or ``network``."""
    action: str
    """``create``, ``start``, ``die``, ``pull`` and others."""
    id: str
    """Id of the container, or id or name of the image."""
    attributes: Mapping[str, str]
    """Labels and facts, such as ``name`` and ``exitCode``."""
    time_ms: int
    """Unix time in milliseconds, by the engine's clock."""


class ProtocolDockerClient(Protocol):
    """A Docker engine.

    An engine that is away or silent raises OutageError: the message waits, and no attempt is counted. A container or
    image that does not exist, and a call that the engine refuses, raise RejectedError. Failures inside the engine
    raise TransientError.
    """

    @property
    def endpoint(self) -> str:
        """The address of the engine."""
        ...

    def call(self, subject: str, seconds: float | None = None) -> AbstractAsyncContextManager[Docker]:
        """Return aiodocker's client for ``async with``. Failures in the block become errors of the mesh.

        ``subject`` names the thing in errors. ``seconds`` limits the block; None uses ``timeout_seconds``.
        """
        ...

    def stream(self, subject: str) -> AbstractAsyncContextManager[Docker]:
        """Return a client with a connection of its own, for one stream. The end of the block closes it.

        The block has no time limit. Raise OutageError when ``max_connections`` streams are open.
        """
        ...

    async def version(self) -> DockerVersion:
        """Ask the engine for its version now. Raise OutageError when it does not respond."""
        ...

    def events(
        self, filters: Mapping[str, Sequence[str]] | None = None, *, seconds: float, since: float = 0.0
    ) -> AsyncGenerator[DockerEvent, None]:
        """Yield events, for this number of seconds, and at most ``max_events``.

        ``filters`` are the engine's, such as ``{"type": ["container"], "event": ["die"]}``. ``since`` is a Unix time
        from which past events are yielded, too. Raise OutageError when the engine ends the stream.
        """
        ...
