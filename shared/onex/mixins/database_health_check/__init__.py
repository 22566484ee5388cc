"""Database health check: the ONEX name of the agent's watch of a database."""

from onex.mixins.database_health_check.mixin_database_health_check import MixinDatabaseHealthCheck
from onex.mixins.database_health_check.model_database_health_check_subcontract import (
    ModelDatabaseHealthCheckSubcontract,
)

__all__ = ["MixinDatabaseHealthCheck", "ModelDatabaseHealthCheckSubcontract"]
