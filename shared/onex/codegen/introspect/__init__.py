"""Reads a contract for a generator: its capabilities, their configuration, and what overlaps."""

from onex.codegen.introspect.introspector import ContractIntrospector
from onex.codegen.introspect.model import ModelComposedMixin, ModelEnhancedContract
from onex.model.contract.advanced_features import ModelAdvancedFeatures
from onex.model.contract.capabilities import ModelMixinDeclaration

__all__ = [
    "ContractIntrospector",
    "ModelAdvancedFeatures",
    "ModelComposedMixin",
    "ModelEnhancedContract",
    "ModelMixinDeclaration",
]
