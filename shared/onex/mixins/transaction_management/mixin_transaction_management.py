"""The view that adds a database to a node under this ONEX name."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.database import MixinDatabase, ProtocolDatabase
from onex.mixins.transaction_management.model_transaction_management_subcontract import (
    ModelTransactionManagementSubcontract,
)

_NAMES: Mapping[str, str] = {
    "isolation_level": "isolation",
    "max_retries": "serialization_retries",
    "retry_delay_seconds": "retry_delay_seconds",
}


class MixinTransactionManagement(Mixin):
    """``await self.database.run(work, isolation=EnumIsolation.SERIALIZABLE)``"""

    definition = define_view(__file__, ModelTransactionManagementSubcontract, MixinDatabase, _NAMES)

    @capability
    def database(self: ProtocolHost) -> ProtocolDatabase:
        """The pool and its transactions."""
        return shared_engine(self, MixinDatabase, ProtocolDatabase)
