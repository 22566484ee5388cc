"""The mixin that adds checkpoints to a node."""

from onex.capability import HealthChecks, Mixin, NodeIdentity, Reports, capability, configured, define
from onex.capability.checkpoints import ProtocolCheckpoints
from onex.capability.host import ProtocolKindHost
from onex.errors import CompositionError
from onex.mixins.checkpoint_management.engine import CheckpointManagementEngine
from onex.mixins.checkpoint_management.model_checkpoint_management_subcontract import (
    ModelCheckpointManagementSubcontract,
)
from onex.mixins.checkpoint_management.protocol_checkpoint_management import ProtocolCheckpointManagement
from onex.model.enums import EnumNodeKind
from onex.util.clock import ProtocolClock


class MixinCheckpointManagement(Mixin):
    """``onex state checkpoint``; ``await self.checkpoints.make("before-close")`` in an EFFECT."""

    definition = define(__file__, ModelCheckpointManagementSubcontract)

    @capability
    def checkpoints(self: ProtocolKindHost) -> ProtocolCheckpointManagement:
        """The checkpoints. Raise CompositionError for an EFFECT without ``node``: it has no keyed state."""
        container, settings = self.container, configured(self, ModelCheckpointManagementSubcontract)
        if self.kind is EnumNodeKind.EFFECT and not settings.node:
            raise CompositionError("MixinCheckpointManagement: an EFFECT has no keyed state of its own; set `node`")
        return CheckpointManagementEngine(
            settings,
            container.get(ProtocolCheckpoints),
            container.get(NodeIdentity),
            self.kind,
            container.get(ProtocolClock),
            container.get(HealthChecks),
            container.get(Reports),
        )
