"""Checks the Docker engine."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from typing_extensions import override

from onex.errors import OnexError, TransientError
from onex.mixins.docker_client import ProtocolDockerClient
from onex.mixins.docker_client.failures import checked
from onex.mixins.docker_health_check.model_docker_health_check_subcontract import ModelDockerHealthCheckSubcontract
from onex.mixins.docker_health_check.protocol_docker_health_check import DiskUse, ProtocolDockerHealth
from onex.util.clock import ProtocolClock


class _Volume(BaseModel):
    size: int = Field(default=0, alias="Size")


class _VolumeEntry(BaseModel):
    usage: _Volume | None = Field(default=None, alias="UsageData")


class _Container(BaseModel):
    size: int = Field(default=0, alias="SizeRw")


class _Cache(BaseModel):
    size: int = Field(default=0, alias="Size")


class _Disk(BaseModel):
    """The reply of ``/system/df``. The engine writes ``null`` for no entries."""

    images: int = Field(default=0, alias="LayersSize")
    containers: Annotated[list[_Container], BeforeValidator(lambda found: found or [])] = Field(
        [], alias="Containers"
    )
    volumes: Annotated[list[_VolumeEntry], BeforeValidator(lambda found: found or [])] = Field([], alias="Volumes")
    caches: Annotated[list[_Cache], BeforeValidator(lambda found: found or [])] = Field([], alias="BuildCache")

    @property
    def use(self) -> DiskUse:
        """The sums. The engine reports -1 for a size that it does not know."""
        return DiskUse(
            max(0, self.images),
            sum(max(0, container.size) for container in self.containers),
            sum(max(0, volume.usage.size) for volume in self.volumes if volume.usage is not None),
            sum(max(0, cache.size) for cache in self.caches),
        )


class DockerHealthCheckEngine(ProtocolDockerHealth):
    """Checks through the node's own Docker client."""

    def __init__(
        self, settings: ModelDockerHealthCheckSubcontract, docker: ProtocolDockerClient, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._docker = docker
        self._clock = clock
        self._measured: DiskUse | None = None
        self._valid_until = 0.0

    async def open(self) -> None:
        """Do nothing. The engine is managed so that it is created at start, which registers its checks."""

    async def close(self) -> None:
        """Do nothing."""

    @override
    async def look(self) -> str:
        try:
            version = await self._docker.version()
        except OnexError as error:
            return str(error)
        oldest = self._settings.min_api_version
        if oldest and _numbers(version.max_api) < _numbers(oldest):
            return f"Docker at {self._docker.endpoint} has API {version.max_api}, {oldest} is required"
        return ""

    @override
    async def disk(self) -> DiskUse:
        # aiodocker has no call for it.
        async with self._docker.call("disk") as docker:
            url = f"{docker.docker_host}/{docker.api_version}/system/df"
            response = await checked(await docker.session.get(url))
            return _Disk.model_validate_json(await response.read()).use

    async def probe(self) -> None:
        """Probe for :class:`MixinHealthCheck`. Raise TransientError when the engine is away or too old."""
        if problem := await self.look():
            raise TransientError(problem)

    async def probe_disk(self) -> None:
        """Probe for :class:`MixinHealthCheck`. Raise TransientError when the engine stores too much."""
        now = self._clock.monotonic()
        if self._measured is None or now >= self._valid_until:
            self._measured = await self.disk()
            self._valid_until = now + self._settings.disk_interval_seconds
        total, most = self._measured.total, self._settings.max_disk_bytes
        if total > most:
            raise TransientError(f"Docker at {self._docker.endpoint} stores {total} bytes, {most} are allowed")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
