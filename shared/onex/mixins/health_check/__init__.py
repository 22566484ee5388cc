"""Health checks: of a node's components and dependencies."""

from onex.mixins.health_check.mixin_health_check import MixinHealthCheck
from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract, ModelHealthComponent
from onex.mixins.health_check.protocol_health_check import CheckFacts, HealthFacts, ProtocolHealthCheck

__all__ = [
    "CheckFacts",
    "HealthFacts",
    "MixinHealthCheck",
    "ModelHealthCheckSubcontract",
    "ModelHealthComponent",
    "ProtocolHealthCheck",
]
