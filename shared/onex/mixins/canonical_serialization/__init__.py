"""Canonical serialization: an ONEX name of MixinSerialization."""

from onex.mixins.canonical_serialization.mixin_canonical_serialization import MixinCanonicalSerialization
from onex.mixins.canonical_serialization.model_canonical_serialization_subcontract import (
    ModelCanonicalSerializationSubcontract,
)

__all__ = ["MixinCanonicalSerialization", "ModelCanonicalSerializationSubcontract"]
