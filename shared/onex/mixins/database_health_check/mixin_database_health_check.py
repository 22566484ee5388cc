"""The view that adds a database to a node under this ONEX name."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.database import MixinDatabase, ProtocolDatabase
from onex.mixins.database_health_check.model_database_health_check_subcontract import (
    ModelDatabaseHealthCheckSubcontract,
)

_NAMES: Mapping[str, str] = {
    "interval_seconds": "check_interval_seconds",
    "timeout_seconds": "check_timeout_seconds",
    "failure_threshold": "check_failures",
    "critical": "check_critical",
}


class MixinDatabaseHealthCheck(Mixin):
    """``await self.database.ping()``"""

    definition = define_view(__file__, ModelDatabaseHealthCheckSubcontract, MixinDatabase, _NAMES)

    @capability
    def database(self: ProtocolHost) -> ProtocolDatabase:
        """The pool and its transactions."""
        return shared_engine(self, MixinDatabase, ProtocolDatabase)
