"""The mixin that adds a health check of the Docker engine to a node."""

from typing import Protocol

from onex.capability import Container, HealthCheck, HealthChecks, Mixin, capability, configured, define
from onex.mixins.docker_client import ProtocolDockerClient
from onex.mixins.docker_health_check.engine import DockerHealthCheckEngine
from onex.mixins.docker_health_check.model_docker_health_check_subcontract import ModelDockerHealthCheckSubcontract
from onex.mixins.docker_health_check.protocol_docker_health_check import ProtocolDockerHealth
from onex.util.clock import ProtocolClock


class HasDocker(Protocol):
    """A node with :class:`MixinDockerClient`."""

    @property
    def container(self) -> Container: ...
    @property
    def docker(self) -> ProtocolDockerClient: ...


class MixinDockerHealthCheck(Mixin):
    """``await self.docker_health.look() == ""``"""

    definition = define(__file__, ModelDockerHealthCheckSubcontract)

    @capability
    def docker_health(self: HasDocker) -> ProtocolDockerHealth:
        """The health check of the Docker engine."""
        settings = configured(self, ModelDockerHealthCheckSubcontract)
        engine = DockerHealthCheckEngine(settings, self.docker, self.container.get(ProtocolClock))
        checks = self.container.get(HealthChecks)
        checks.add(HealthCheck("docker", engine.probe, critical=settings.critical))
        if settings.max_disk_bytes:
            checks.add(HealthCheck("docker.disk", engine.probe_disk, critical=settings.disk_critical))
        return engine
