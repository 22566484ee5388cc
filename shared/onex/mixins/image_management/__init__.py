"""Images that a node moves and builds."""

from onex.util.extras import require_extra

require_extra("docker")

from onex.mixins.image_management.facts import ImageFacts, ImageProgress, PruneFacts
from onex.mixins.image_management.mixin_image_management import MixinImageManagement
from onex.mixins.image_management.model_image_management_subcontract import (
    ModelImageManagementSubcontract,
    ModelRegistry,
)
from onex.mixins.image_management.protocol_image_management import ProtocolImageManagement

__all__ = [
    "ImageFacts",
    "ImageProgress",
    "MixinImageManagement",
    "ModelImageManagementSubcontract",
    "ModelRegistry",
    "ProtocolImageManagement",
    "PruneFacts",
]
