"""The mixin that adds services to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.service_registry.engine import ServiceRegistryEngine
from onex.mixins.service_registry.model_service_registry_subcontract import ModelServiceRegistrySubcontract
from onex.mixins.service_registry.protocol_service_registry import ProtocolServiceRegistry


class MixinServiceRegistry(Mixin):
    """``self.services.get(ProtocolClock)``; the contract lists the services."""

    definition = define(__file__, ModelServiceRegistrySubcontract)

    @capability
    def services(self: ProtocolHost) -> ProtocolServiceRegistry:
        """The services by protocol."""
        return ServiceRegistryEngine(configured(self, ModelServiceRegistrySubcontract), self.container)
