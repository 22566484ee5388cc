"""Opens the connection, agrees on a version of the API, and watches events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from aiodocker import Docker
from pydantic import BaseModel, Field
from typing_extensions import override

from onex.capability import SharedResources
from onex.errors import CompositionError, ConfigurationError, OutageError
from onex.mixins.docker_client.connection import ConnectionKey, SharedConnection, connected, disconnected
from onex.mixins.docker_client.endpoint import endpoint_of
from onex.mixins.docker_client.event_stream import Arrived, event_queue
from onex.mixins.docker_client.failures import docker_failures
from onex.mixins.docker_client.model_docker_client_subcontract import ModelDockerClientSubcontract
from onex.mixins.docker_client.protocol_docker_client import DockerEvent, DockerVersion, ProtocolDockerClient
from onex.util.clock import ProtocolClock

_NEWEST: Final = "1.51"
"""The newest version of the API that is used. Later ones may change replies."""


class _Version(BaseModel):
    version: str = Field(alias="Version")
    api: str = Field(alias="ApiVersion", pattern=r"^\d+\.\d+$")
    min_api: str = Field(default="1.12", alias="MinAPIVersion", pattern=r"^\d+\.\d+$")
    os: str = Field(default="", alias="Os")
    arch: str = Field(default="", alias="Arch")


class DockerClientEngine(ProtocolDockerClient):
    """One user of a shared connection. Belongs to one event loop."""

    def __init__(
        self,
        settings: ModelDockerClientSubcontract,
        environment: Mapping[str, str],
        clock: ProtocolClock,
        resources: SharedResources,
    ) -> None:
        self._settings = settings
        self._resources = resources
        self._environment = environment
        self._clock = clock
        self._connection: SharedConnection | None = None
        self._calls = self._failed = self._streams = 0

    async def open(self) -> None:
        """Read certificates. The first call connects. Raise ConfigurationError for an unusable address."""
        settings = self._settings
        endpoint = endpoint_of(
            settings.host, settings.tls_folder, self._environment, allow_plain_tcp=settings.allow_plain_tcp
        )
        key = ConnectionKey(
            endpoint,
            settings.max_connections,
            settings.connect_timeout_seconds,
            settings.max_line_bytes,
            settings.api_version,
        )
        try:
            self._connection = await self._resources.get(key, partial(connected, key), disconnected)
        except OSError as error:
            raise ConfigurationError(
                f"docker_client.tls_folder: {endpoint.tls_folder}: {error.strerror or type(error).__name__}; "
                "the folder must have ca.pem, cert.pem and key.pem"
            ) from error

    async def close(self) -> None:
        """Release the connection. Its last user closes it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._resources.release(connection.key)

    @property
    @override
    def endpoint(self) -> str:
        return str(self._shared.key.endpoint)

    @property
    def _shared(self) -> SharedConnection:
        if self._connection is None:
            raise CompositionError("the Docker client is not open; start the node first")
        return self._connection

    @override
    @asynccontextmanager
    async def call(self, subject: str, seconds: float | None = None) -> AsyncIterator[Docker]:
        limit = self._settings.timeout_seconds if seconds is None else seconds
        shared = self._shared
        async with self._counted(shared), docker_failures(shared.key.endpoint, subject, limit):
            async with asyncio.timeout(limit):
                await self._agree(shared)
                yield shared.docker

    @override
    @asynccontextmanager
    async def stream(self, subject: str) -> AsyncIterator[Docker]:
        shared = self._shared
        self._streams += 1
        try:
            async with self._counted(shared), docker_failures(shared.key.endpoint, subject):
                async with asyncio.timeout(self._settings.timeout_seconds):
                    await self._agree(shared)
                async with shared.separate() as docker:
                    yield docker
        finally:
            self._streams -= 1

    @asynccontextmanager
    async def _counted(self, shared: SharedConnection) -> AsyncIterator[None]:
        self._calls += 1
        try:
            yield
        except OutageError:
            # Another version of the engine may come back.
            shared.version = ""
            self._failed += 1
            raise
        except Exception:
            self._failed += 1
            raise

    async def _agree(self, shared: SharedConnection) -> None:
        """Agree on a version of the API. Raise OutageError when the engine does not have the configured one."""
        async with shared.negotiating:
            if not shared.version:
                shared.docker.api_version = "auto"
                reply = _Version.model_validate(await shared.docker.version())
                shared.version = self._chosen(reply)
            shared.docker.api_version = f"v{shared.version}"

    def _chosen(self, reply: _Version) -> str:
        wanted = self._settings.api_version
        chosen = min(reply.api, _NEWEST, key=_numbers) if wanted == "auto" else wanted
        if not _numbers(reply.min_api) <= _numbers(chosen) <= _numbers(reply.api):
            raise OutageError(
                f"Docker at {self._shared.key.endpoint} has API {reply.min_api} to {reply.api}, not {chosen}; "
                "change docker_client.api_version or the engine"
            )
        return chosen

    @override
    async def version(self) -> DockerVersion:
        async with self.call("version") as docker:
            reply = _Version.model_validate(await docker.version())
            api = docker.api_version.removeprefix("v")
        return DockerVersion(reply.version, api, reply.min_api, reply.api, reply.os, reply.arch)

    @override
    async def events(
        self, filters: Mapping[str, Sequence[str]] | None = None, *, seconds: float, since: float = 0.0
    ) -> AsyncGenerator[DockerEvent, None]:
        until = self._clock.monotonic() + seconds
        async with self.stream("events") as docker, event_queue(docker, filters or {}, since) as arriving:
            for _ in range(self._settings.max_events):
                try:
                    async with asyncio.timeout(max(0.0, until - self._clock.monotonic())):
                        arrived = await arriving.get()
                except TimeoutError:
                    return
                match arrived:
                    case Arrived():
                        yield arrived.event
                    case problem:
                        raise problem

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls, failed ones among them, and open streams."""
        return {"calls": float(self._calls), "failed": float(self._failed), "streams": float(self._streams)}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
