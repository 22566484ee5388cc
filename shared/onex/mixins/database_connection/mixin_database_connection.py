"""The view that adds a database to a node under this ONEX name."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.database import MixinDatabase, ProtocolDatabase
from onex.mixins.database_connection.model_database_connection_subcontract import ModelDatabaseConnectionSubcontract

_NAMES: Mapping[str, str] = {
    "url": "url",
    "connect_timeout_seconds": "connect_timeout_seconds",
    "statement_timeout_seconds": "statement_timeout_seconds",
    "pooler": "pooler",
}


class MixinDatabaseConnection(Mixin):
    """``async with self.database.transaction() as tx: await tx.execute(...)``"""

    definition = define_view(__file__, ModelDatabaseConnectionSubcontract, MixinDatabase, _NAMES)

    @capability
    def database(self: ProtocolHost) -> ProtocolDatabase:
        """The pool and its transactions."""
        return shared_engine(self, MixinDatabase, ProtocolDatabase)
