"""Gives a node its bulkheads."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.bulkhead.engine import BulkheadEngine
from onex.mixins.bulkhead.model_bulkhead_subcontract import ModelBulkheadSubcontract
from onex.mixins.bulkhead.protocol_bulkhead import ProtocolBulkhead


class MixinBulkhead(Mixin):
    """``async with self.bulkhead.of("postgres").place(): ...``."""

    definition = define(__file__, ModelBulkheadSubcontract)

    @capability
    def bulkhead(self: ProtocolHost) -> ProtocolBulkhead:
        """Compartments by dependency."""
        return BulkheadEngine(configured(self, ModelBulkheadSubcontract))
