"""The view that adds a database to a node under this ONEX name."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.connection_pooling.model_connection_pooling_subcontract import ModelConnectionPoolingSubcontract
from onex.mixins.database import MixinDatabase, ProtocolDatabase

_NAMES: Mapping[str, str] = {
    "min_connections": "pool_min",
    "max_connections": "pool_max",
    "acquire_timeout_seconds": "acquire_timeout_seconds",
    "leak_after_seconds": "leak_after_seconds",
}


class MixinConnectionPooling(Mixin):
    """``async with self.database.pool.acquire() as connection: ...``"""

    definition = define_view(__file__, ModelConnectionPoolingSubcontract, MixinDatabase, _NAMES)

    @capability
    def database(self: ProtocolHost) -> ProtocolDatabase:
        """The pool and its transactions."""
        return shared_engine(self, MixinDatabase, ProtocolDatabase)
