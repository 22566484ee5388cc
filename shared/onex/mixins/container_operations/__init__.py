"""Containers that a node creates and operates."""

from onex.util.extras import require_extra

require_extra("docker")

from onex.mixins.container_operations.facts import (
    ContainerFacts,
    ContainerHealth,
    ContainerStatistics,
    ContainerSummary,
    EnumContainerHealth,
    ExecResult,
    LogLine,
)
from onex.mixins.container_operations.mixin_container_operations import MixinContainerOperations
from onex.mixins.container_operations.model_container_operations_subcontract import (
    ModelContainerOperationsSubcontract,
    ModelHostMount,
)
from onex.mixins.container_operations.protocol_container_operations import ProtocolContainerOperations
from onex.mixins.container_operations.spec import ContainerSpec, HealthProbe

__all__ = [
    "ContainerFacts",
    "ContainerHealth",
    "ContainerSpec",
    "ContainerStatistics",
    "ContainerSummary",
    "EnumContainerHealth",
    "ExecResult",
    "HealthProbe",
    "LogLine",
    "MixinContainerOperations",
    "ModelContainerOperationsSubcontract",
    "ModelHostMount",
    "ProtocolContainerOperations",
]
