"""The view that adds canonical serialization to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, renamed, shared_engine
from onex.mixins.canonical_serialization.model_canonical_serialization_subcontract import (
    ModelCanonicalSerializationSubcontract,
)
from onex.mixins.serialization import MixinSerialization, ProtocolSerialization


def as_serialization(settings: ModelCanonicalSerializationSubcontract) -> Mapping[str, object]:
    """Return the set fields under their names in the subcontract of MixinSerialization."""
    return {
        **renamed(settings, {"serialization_format": "serialization_format", "enable_unicode": "enable_unicode"}),
        "enable_canonical_mode": True,
    }


class MixinCanonicalSerialization(Mixin):
    """``self.serializer.dump(order)``"""

    definition = define_view(__file__, ModelCanonicalSerializationSubcontract, MixinSerialization, as_serialization)

    @capability
    def serializer(self: ProtocolHost) -> ProtocolSerialization:
        """Values to bytes and back."""
        return shared_engine(self, MixinSerialization, ProtocolSerialization)
