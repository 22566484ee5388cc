"""The view that adds YAML serialization to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, renamed, shared_engine
from onex.mixins.serialization import MixinSerialization, ProtocolSerialization
from onex.mixins.serialization.model_serialization_subcontract import EnumTextFormat
from onex.mixins.yaml_serialization.model_yaml_serialization_subcontract import ModelYAMLSerializationSubcontract


def as_serialization(settings: ModelYAMLSerializationSubcontract) -> Mapping[str, object]:
    """Return the set fields under their names in the subcontract of MixinSerialization."""
    return {
        **renamed(
            settings,
            {
                "canonical": "enable_canonical_mode",
                "sort_keys": "sort_keys",
                "indent_size": "indent_size",
                "line_width": "line_width",
            },
        ),
        "serialization_format": EnumTextFormat.YAML,
    }


class MixinYAMLSerialization(Mixin):
    """``self.serializer.dump(order)``"""

    definition = define_view(__file__, ModelYAMLSerializationSubcontract, MixinSerialization, as_serialization)

    @capability
    def serializer(self: ProtocolHost) -> ProtocolSerialization:
        """Values to bytes and back."""
        return shared_engine(self, MixinSerialization, ProtocolSerialization)
