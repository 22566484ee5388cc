"""The mixin that adds alerting to a node."""

from prometheus_client import CollectorRegistry

from onex.capability import (
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolHost,
    Reports,
    capability,
    configured,
    define,
)
from onex.mixins.alerting.engine import AlertingEngine
from onex.mixins.alerting.model_alerting_subcontract import ModelAlertingSubcontract
from onex.mixins.alerting.protocol_alerting import ProtocolAlerting
from onex.util.clock import ProtocolClock


class MixinAlerting(Mixin):
    """Rules of the contract watch metrics, events and checks; ``self.alerts.event("card_refused")`` counts one."""

    definition = define(__file__, ModelAlertingSubcontract)

    @capability
    def alerts(self: ProtocolHost) -> ProtocolAlerting:
        """The alerts of the node."""
        container = self.container
        return AlertingEngine(
            configured(self, ModelAlertingSubcontract),
            container.get(NodeIdentity),
            container.get(ProtocolClock),
            container.find(CollectorRegistry) or CollectorRegistry(),
            container.get(HealthChecks),
            container.get(Reports),
        )
