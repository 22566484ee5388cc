"""Node service: the lifecycle of a node."""

from onex.mixins.node_service.mixin_node_service import MixinNodeService
from onex.mixins.node_service.model_node_service_subcontract import ModelNodeServiceSubcontract
from onex.mixins.node_service.protocol_node_service import EnumServiceState, ProtocolNodeService, ServiceFacts

__all__ = [
    "EnumServiceState",
    "MixinNodeService",
    "ModelNodeServiceSubcontract",
    "ProtocolNodeService",
    "ServiceFacts",
]
