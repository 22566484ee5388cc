"""The mixin that adds validation to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.validation.engine import ValidationEngine
from onex.mixins.validation.model_validation_subcontract import ModelValidationSubcontract
from onex.mixins.validation.protocol_validation import ProtocolValidation
from onex.util.clock import ProtocolClock


class MixinValidation(Mixin):
    """``self.validation.rule(PriceOrder, "quantity is even", lambda order: order.quantity % 2 == 0)``."""

    definition = define(__file__, ModelValidationSubcontract)

    @capability
    def validation(self: ProtocolHost) -> ProtocolValidation:
        """Checks of data, and rules for messages."""
        return ValidationEngine(configured(self, ModelValidationSubcontract), self.container.get(ProtocolClock))
