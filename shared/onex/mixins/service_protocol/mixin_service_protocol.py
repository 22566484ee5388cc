"""The mixin that adds protocols to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.service_protocol.engine import ServiceProtocolEngine
from onex.mixins.service_protocol.model_service_protocol_subcontract import ModelServiceProtocolSubcontract
from onex.mixins.service_protocol.protocol_service_protocol import ProtocolServiceInterface


class MixinServiceProtocol(Mixin):
    """``self.interface.implements(ProtocolPricing)``"""

    definition = define(__file__, ModelServiceProtocolSubcontract)

    @capability
    def interface(self: ProtocolHost) -> ProtocolServiceInterface:
        """The protocols of the node."""
        return ServiceProtocolEngine(configured(self, ModelServiceProtocolSubcontract), self, self.container.registry)
