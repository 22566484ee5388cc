"""The view that adds hash computation to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.hash_computation.model_hash_computation_subcontract import ModelHashComputationSubcontract
from onex.mixins.serialization import MixinSerialization, ProtocolSerialization

_NAMES: Mapping[str, str] = {"hash_algorithm": "digest_algorithm"}


class MixinHashComputation(Mixin):
    """``self.serializer.digest(order)``"""

    definition = define_view(__file__, ModelHashComputationSubcontract, MixinSerialization, _NAMES)

    @capability
    def serializer(self: ProtocolHost) -> ProtocolSerialization:
        """Values to bytes and back."""
        return shared_engine(self, MixinSerialization, ProtocolSerialization)
