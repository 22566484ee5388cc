"""Checkpoint management: named copies of keyed state, to which an operator can return."""

from onex.mixins.checkpoint_management.mixin_checkpoint_management import MixinCheckpointManagement
from onex.mixins.checkpoint_management.model_checkpoint_management_subcontract import (
    ModelCheckpointManagementSubcontract,
)
from onex.mixins.checkpoint_management.protocol_checkpoint_management import (
    CheckpointFacts,
    ProtocolCheckpointManagement,
)

__all__ = [
    "CheckpointFacts",
    "MixinCheckpointManagement",
    "ModelCheckpointManagementSubcontract",
    "ProtocolCheckpointManagement",
]
