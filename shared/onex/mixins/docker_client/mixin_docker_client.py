"""The mixin that adds a Docker client to a node."""

import os

from onex.capability import Mixin, ProtocolHost, SharedResources, capability, configured, define
from onex.mixins.docker_client.engine import DockerClientEngine
from onex.mixins.docker_client.model_docker_client_subcontract import ModelDockerClientSubcontract
from onex.mixins.docker_client.protocol_docker_client import ProtocolDockerClient
from onex.util.clock import ProtocolClock


class MixinDockerClient(Mixin):
    """``(await self.docker.version()).api``"""

    definition = define(__file__, ModelDockerClientSubcontract)

    @capability
    def docker(self: ProtocolHost) -> ProtocolDockerClient:
        """The Docker engine."""
        settings = configured(self, ModelDockerClientSubcontract)
        container = self.container
        return DockerClientEngine(settings, os.environ, container.get(ProtocolClock), container.get(SharedResources))
