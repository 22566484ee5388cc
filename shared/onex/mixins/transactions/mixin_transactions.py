"""The mixin that adds transactions to a node."""

from typing import Protocol

from onex.capability import Container, Mixin, capability, configured, define
from onex.mixins.database import ProtocolDatabase
from onex.mixins.transactions.engine import TransactionsEngine
from onex.mixins.transactions.model_transactions_subcontract import ModelTransactionSubcontract
from onex.mixins.transactions.protocol_transactions import ProtocolTransactions
from onex.util.clock import ProtocolClock


class HasDatabase(Protocol):
    """A node with :class:`MixinDatabase`."""

    @property
    def container(self) -> Container: ...
    @property
    def database(self) -> ProtocolDatabase: ...


class MixinTransactions(Mixin):
    """``async with self.transactions.begin() as work: ...; await work.commit()``"""

    definition = define(__file__, ModelTransactionSubcontract)

    @capability
    def transactions(self: HasDatabase) -> ProtocolTransactions:
        """The units of work."""
        return TransactionsEngine(
            configured(self, ModelTransactionSubcontract), self.database, self.container.get(ProtocolClock)
        )
