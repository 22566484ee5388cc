"""The mixin that adds images to a node."""

from functools import partial
from typing import Protocol

from onex.capability import (
    Container,
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    Reports,
    capability,
    configured,
    define,
)
from onex.mixins.docker_client import ProtocolDockerClient
from onex.mixins.image_management.engine import ImageManagementEngine
from onex.mixins.image_management.model_image_management_subcontract import ModelImageManagementSubcontract
from onex.mixins.image_management.protocol_image_management import ProtocolImageManagement


class HasDocker(Protocol):
    """A node with :class:`MixinDockerClient`."""

    @property
    def container(self) -> Container: ...
    @property
    def docker(self) -> ProtocolDockerClient: ...


class MixinImageManagement(Mixin):
    """``await self.images.pull("registry.example.org/jobs/report@sha256:...")``"""

    definition = define(__file__, ModelImageManagementSubcontract)

    @capability
    def images(self: HasDocker) -> ProtocolImageManagement:
        """The images of the engine."""
        container, settings = self.container, configured(self, ModelImageManagementSubcontract)
        report = partial(container.get(Reports).report, "image_management")
        node, current_message = container.get(NodeIdentity).name, container.get(ProtocolCurrentMessage)
        return ImageManagementEngine(settings, self.docker, node, current_message, report)
