"""Docker health: checks that the engine responds and has space."""

from onex.util.extras import require_extra

require_extra("docker")

from onex.mixins.docker_health_check.mixin_docker_health_check import MixinDockerHealthCheck
from onex.mixins.docker_health_check.model_docker_health_check_subcontract import ModelDockerHealthCheckSubcontract
from onex.mixins.docker_health_check.protocol_docker_health_check import DiskUse, ProtocolDockerHealth

__all__ = ["DiskUse", "MixinDockerHealthCheck", "ModelDockerHealthCheckSubcontract", "ProtocolDockerHealth"]
