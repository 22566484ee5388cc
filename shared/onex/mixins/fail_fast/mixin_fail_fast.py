"""The view that adds fail fast to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.fail_fast.model_fail_fast_subcontract import ModelFailFastSubcontract
from onex.mixins.validation import MixinValidation, ProtocolValidation

_NAMES: Mapping[str, str] = {"enable_fail_fast": "enable_fail_fast", "max_validation_errors": "max_validation_errors"}


class MixinFailFast(Mixin):
    """``self.validation.rule(PriceOrder, "quantity is even", lambda order: order.quantity % 2 == 0)``."""

    definition = define_view(__file__, ModelFailFastSubcontract, MixinValidation, _NAMES)

    @capability
    def validation(self: ProtocolHost) -> ProtocolValidation:
        """Checks of data, and rules for messages."""
        return shared_engine(self, MixinValidation, ProtocolValidation)
