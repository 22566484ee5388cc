"""Health checks: of what a node is made of and what it depends on"""

from onex.mixins.health_check.mixin_health_check import MixinHealthCheck
from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract
from onex.mixins.health_check.protocol_health_check import CheckFacts, HealthFacts, ProtocolHealthCheck

__all__ = ["CheckFacts", "HealthFacts", "MixinHealthCheck", "ModelHealthCheckSubcontract", "ProtocolHealthCheck"]
