"""A gate with rules."""

from node_gate_compute.v1_0_0.models import Enter, Entered

from onex.mixins.validation import MixinValidation
from onex.node import NodeCompute, NodeConfig


class NodeGateCompute(MixinValidation, NodeCompute[Enter, Entered]):
    """Rules are given where the node is made; the capability is there as soon as somebody asks for it."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        super().__init__(config)
        self.ruled = False

    def compute(self, request: Enter) -> Entered:
        """Whoever comes as far as this."""
        return Entered(name=request.name)
