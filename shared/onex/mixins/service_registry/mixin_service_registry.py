"""Gives a node its services."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.service_registry.engine import ServiceRegistryEngine
from onex.mixins.service_registry.model_service_registry_subcontract import ModelServiceRegistrySubcontract
from onex.mixins.service_registry.protocol_service_registry import ProtocolServiceRegistry


class MixinServiceRegistry(Mixin):
    """``self.services.get(ProtocolClock)``; ``services`` of the contract name what is there."""

    definition = define(__file__, ModelServiceRegistrySubcontract)

    @capability
    def services(self: ProtocolHost) -> ProtocolServiceRegistry:
        """Services by protocol."""
        return ServiceRegistryEngine(configured(self, ModelServiceRegistrySubcontract), self.container)
