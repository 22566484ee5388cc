"""The view that adds tracing to a node under its ONEX name."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.distributed_tracing.model_distributed_tracing_subcontract import ModelDistributedTracingSubcontract
from onex.mixins.tracing import MixinTracing, ProtocolTracing

_NAMES: Mapping[str, str] = {
    "enabled": "enabled",
    "sampling_rate": "sample_share",
    "record_exceptions": "record_exceptions",
}


class MixinDistributedTracing(Mixin):
    """``with self.tracing.span("ask the bank", bank="north"): ...``"""

    definition = define_view(__file__, ModelDistributedTracingSubcontract, MixinTracing, _NAMES)

    @capability
    def tracing(self: ProtocolHost) -> ProtocolTracing:
        """The spans of the node."""
        return shared_engine(self, MixinTracing, ProtocolTracing)
