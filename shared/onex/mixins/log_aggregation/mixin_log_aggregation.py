"""The mixin that adds log aggregation to a node."""

from onex.capability import (
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    ProtocolHost,
    Reports,
    SharedResources,
    capability,
    configured,
    define,
)
from onex.capability.log_lines import LogLines
from onex.mixins.log_aggregation.engine import LogAggregationEngine
from onex.mixins.log_aggregation.model_log_aggregation_subcontract import ModelLogAggregationSubcontract
from onex.mixins.log_aggregation.protocol_log_aggregation import ProtocolLogAggregation
from onex.util.clock import ProtocolClock


class MixinLogAggregation(Mixin):
    """Every line of ``self.log``, and of the agent, also goes to a collector."""

    definition = define(__file__, ModelLogAggregationSubcontract)

    @capability
    def log_aggregation(self: ProtocolHost) -> ProtocolLogAggregation:
        """The lines on their way to the collector."""
        container = self.container
        reports = container.get(Reports)

        def report(event: str, detail: str) -> None:
            reports.report("log_aggregation", "collector", event, detail)

        return LogAggregationEngine(
            configured(self, ModelLogAggregationSubcontract),
            container.get(NodeIdentity),
            container.get(ProtocolClock),
            container.get(ProtocolCurrentMessage),
            container.get(LogLines),
            container.get(HealthChecks),
            container.get(SharedResources),
            report,
        )
