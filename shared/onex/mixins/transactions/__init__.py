"""Transactions: units of work on the database."""

from onex.util.extras import require_extra

require_extra("postgres")

from onex.mixins.transactions.mixin_transactions import MixinTransactions
from onex.mixins.transactions.model_transactions_subcontract import ModelTransactionSubcontract
from onex.mixins.transactions.protocol_transactions import ProtocolTransactions, ProtocolUnitOfWork

__all__ = ["MixinTransactions", "ModelTransactionSubcontract", "ProtocolTransactions", "ProtocolUnitOfWork"]
