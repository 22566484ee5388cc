"""The mixin that adds a lifecycle to a node."""

from onex.capability import Mixin, NodeIdentity, ProtocolHost, capability, configured, define
from onex.mixins.node_service.engine import NodeServiceEngine
from onex.mixins.node_service.model_node_service_subcontract import ModelNodeServiceSubcontract
from onex.mixins.node_service.protocol_node_service import ProtocolNodeService
from onex.util.clock import ProtocolClock


class MixinNodeService(Mixin):
    """``self.service.on_stop(self.flush)``; ``self.service.facts()``"""

    definition = define(__file__, ModelNodeServiceSubcontract)

    @capability
    def service(self: ProtocolHost) -> ProtocolNodeService:
        """The lifecycle of the node."""
        identity, clock = self.container.get(NodeIdentity), self.container.get(ProtocolClock)
        return NodeServiceEngine(configured(self, ModelNodeServiceSubcontract), identity, clock)
