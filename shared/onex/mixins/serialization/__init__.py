"""Serialization: values as YAML or JSON, the same bytes for equal values."""

from onex.mixins.serialization.mixin_serialization import MixinSerialization
from onex.mixins.serialization.model_serialization_subcontract import EnumTextFormat, ModelSerializationSubcontract
from onex.mixins.serialization.protocol_serialization import ProtocolSerialization

__all__ = ["EnumTextFormat", "MixinSerialization", "ModelSerializationSubcontract", "ProtocolSerialization"]
