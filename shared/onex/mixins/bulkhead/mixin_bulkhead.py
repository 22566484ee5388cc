"""The mixin that adds bulkheads to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.bulkhead.engine import BulkheadEngine
from onex.mixins.bulkhead.model_bulkhead_subcontract import ModelBulkheadSubcontract
from onex.mixins.bulkhead.protocol_bulkhead import ProtocolBulkhead


class MixinBulkhead(Mixin):
    """``async with self.bulkhead.of("postgres").slot(): ...``."""

    definition = define(__file__, ModelBulkheadSubcontract)

    @capability
    def bulkhead(self: ProtocolHost) -> ProtocolBulkhead:
        """The compartments by dependency."""
        return BulkheadEngine(configured(self, ModelBulkheadSubcontract))
