"""Transaction management: the ONEX name of isolation and repetition of transactions."""

from onex.mixins.transaction_management.mixin_transaction_management import MixinTransactionManagement
from onex.mixins.transaction_management.model_transaction_management_subcontract import (
    ModelTransactionManagementSubcontract,
)

__all__ = ["MixinTransactionManagement", "ModelTransactionManagementSubcontract"]
