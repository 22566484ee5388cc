"""Service protocol: the interfaces that a node implements."""

from onex.mixins.service_protocol.mixin_service_protocol import MixinServiceProtocol
from onex.mixins.service_protocol.model_service_protocol_subcontract import ModelServiceProtocolSubcontract
from onex.mixins.service_protocol.protocol_service_protocol import ProtocolServiceInterface

__all__ = ["MixinServiceProtocol", "ModelServiceProtocolSubcontract", "ProtocolServiceInterface"]
