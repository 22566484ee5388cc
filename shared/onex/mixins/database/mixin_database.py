"""The mixin that adds a database to a node."""

from onex.capability import (
    AgentEnvironment,
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolHost,
    capability,
    configured,
    define,
)
from onex.mixins.database.engine import DatabaseEngine
from onex.mixins.database.model_database_subcontract import ModelDatabaseSubcontract
from onex.mixins.database.protocol_database import ProtocolDatabase


class MixinDatabase(Mixin):
    """``async with self.database.transaction() as tx: await tx.execute(...)``"""

    definition = define(__file__, ModelDatabaseSubcontract)

    @capability
    def database(self: ProtocolHost) -> ProtocolDatabase:
        """The pool and its transactions."""
        container = self.container
        engine = DatabaseEngine(
            configured(self, ModelDatabaseSubcontract), container.get(NodeIdentity), container.get(AgentEnvironment)
        )
        container.get(HealthChecks).add(HealthCheck("database", engine.ping))
        return engine
