"""A gate with rules."""

from node_gate_compute.v1_0_0.models import Enter, Entered

from onex.mixins.validation import MixinValidation
from onex.node import NodeCompute, NodeConfig


class NodeGateCompute(MixinValidation, NodeCompute[Enter, Entered]):
    """Refuses before it computes."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        super().__init__(config)
        self.validation.rule(Enter, "is of age", lambda enter: enter.age >= 18)
        self.validation.rule(Enter, "has a name", lambda enter: bool(enter.name))
        self.validation.rule(Enter, "is no robot", lambda enter: not enter.name.startswith("R2"))

    def compute(self, request: Enter) -> Entered:
        """Whoever comes as far as this."""
        return Entered(name=request.name)
