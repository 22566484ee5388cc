"""Docker client: one connection to a Docker engine."""

from onex.util.extras import require_extra

require_extra("docker")

from onex.mixins.docker_client.mixin_docker_client import MixinDockerClient
from onex.mixins.docker_client.model_docker_client_subcontract import ModelDockerClientSubcontract
from onex.mixins.docker_client.protocol_docker_client import DockerEvent, DockerVersion, ProtocolDockerClient

__all__ = [
    "DockerEvent",
    "DockerVersion",
    "MixinDockerClient",
    "ModelDockerClientSubcontract",
    "ProtocolDockerClient",
]
