"""YAML serialization: an ONEX name of MixinSerialization."""

from onex.mixins.yaml_serialization.mixin_yaml_serialization import MixinYAMLSerialization
from onex.mixins.yaml_serialization.model_yaml_serialization_subcontract import ModelYAMLSerializationSubcontract

__all__ = ["MixinYAMLSerialization", "ModelYAMLSerializationSubcontract"]
