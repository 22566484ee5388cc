"""The mixin that adds a serializer to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.serialization.engine import SerializationEngine
from onex.mixins.serialization.model_serialization_subcontract import ModelSerializationSubcontract
from onex.mixins.serialization.protocol_serialization import ProtocolSerialization


class MixinSerialization(Mixin):
    """``self.serializer.dump(value)``."""

    definition = define(__file__, ModelSerializationSubcontract)

    @capability
    def serializer(self: ProtocolHost) -> ProtocolSerialization:
        """The serializer."""
        return SerializationEngine(configured(self, ModelSerializationSubcontract))
