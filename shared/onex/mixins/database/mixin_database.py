"""The mixin that adds a database to a node."""

from onex.capability import (
    AgentEnvironment,
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolHost,
    SharedResources,
    capability,
    configured,
    define,
)
from onex.capability.health import Watch
from onex.mixins.database.engine import DATABASE, DatabaseEngine
from onex.mixins.database.model_database_subcontract import ModelDatabaseSubcontract
from onex.mixins.database.protocol_database import ProtocolDatabase
from onex.util.clock import ProtocolClock


class MixinDatabase(Mixin):
    """``async with self.database.transaction() as tx: await tx.execute(...)``"""

    definition = define(__file__, ModelDatabaseSubcontract)

    @capability
    def database(self: ProtocolHost) -> ProtocolDatabase:
        """The pool and its transactions."""
        container, settings = self.container, configured(self, ModelDatabaseSubcontract)
        engine = DatabaseEngine(
            settings,
            container.get(NodeIdentity),
            container.get(AgentEnvironment),
            container.get(SharedResources),
            container.get(ProtocolClock),
        )
        watch = Watch(settings.check_interval_seconds, settings.check_timeout_seconds, settings.check_failures)
        container.get(HealthChecks).add(
            HealthCheck(DATABASE, engine.ping, critical=settings.check_critical, watch=watch)
        )
        return engine
