"""The mixin that adds containers to a node."""

from typing import Protocol

from onex.capability import Container, Mixin, NodeIdentity, ProtocolCurrentMessage, capability, configured, define
from onex.mixins.container_operations.engine import ContainerOperationsEngine
from onex.mixins.container_operations.model_container_operations_subcontract import (
    ModelContainerOperationsSubcontract,
)
from onex.mixins.container_operations.protocol_container_operations import ProtocolContainerOperations
from onex.mixins.docker_client import ProtocolDockerClient
from onex.util.clock import ProtocolClock


class HasDocker(Protocol):
    """A node with :class:`MixinDockerClient`."""

    @property
    def container(self) -> Container: ...
    @property
    def docker(self) -> ProtocolDockerClient: ...


class MixinContainerOperations(Mixin):
    """``await self.containers.run(ContainerSpec(image="jobs/report:1"))``"""

    definition = define(__file__, ModelContainerOperationsSubcontract)

    @capability
    def containers(self: HasDocker) -> ProtocolContainerOperations:
        """The containers of the node."""
        container, settings = self.container, configured(self, ModelContainerOperationsSubcontract)
        return ContainerOperationsEngine(
            settings,
            self.docker,
            container.get(NodeIdentity).name,
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolClock),
        )
