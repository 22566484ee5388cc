"""The wrapper of effects that work on containers and images."""

from onex.mixins.container_operations import MixinContainerOperations
from onex.mixins.docker_client import MixinDockerClient
from onex.mixins.docker_health_check import MixinDockerHealthCheck
from onex.mixins.image_management import MixinImageManagement
from onex.mixins.wrappers.kinds import ModelServiceEffect


class ModelServiceDockerEffect(
    MixinDockerClient, MixinContainerOperations, MixinImageManagement, MixinDockerHealthCheck, ModelServiceEffect
):
    """A ModelServiceEffect with a Docker client, containers and images, and a check of the Docker engine."""
