"""Service registry: services for handlers, by protocol."""

from onex.mixins.service_registry.mixin_service_registry import MixinServiceRegistry
from onex.mixins.service_registry.model_service_registry_subcontract import (
    ModelServiceEntry,
    ModelServiceRegistrySubcontract,
)
from onex.mixins.service_registry.protocol_service_registry import ProtocolServiceRegistry

__all__ = ["MixinServiceRegistry", "ModelServiceEntry", "ModelServiceRegistrySubcontract", "ProtocolServiceRegistry"]
