"""The mixin that adds tracing to a node."""

from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from onex.capability import Mixin, ProtocolCurrentMessage, ProtocolHost, capability, configured, define
from onex.mixins.tracing.engine import TracingEngine
from onex.mixins.tracing.model_tracing_subcontract import ModelTracingSubcontract
from onex.mixins.tracing.protocol_tracing import ProtocolTracing


class MixinTracing(Mixin):
    """``with self.tracing.span("ask the bank", bank="north"): ...``"""

    definition = define(__file__, ModelTracingSubcontract)

    @capability
    def tracing(self: ProtocolHost) -> ProtocolTracing:
        """The spans of the node."""
        settings = configured(self, ModelTracingSubcontract)
        current_message = self.container.get(ProtocolCurrentMessage)
        provider = self.container.find(TracerProvider) or NoOpTracerProvider()
        return TracingEngine(settings, provider.get_tracer("onex.node"), current_message)
