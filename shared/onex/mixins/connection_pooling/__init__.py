"""Connection pooling: the ONEX name of the sizes and limits of a pool."""

from onex.mixins.connection_pooling.mixin_connection_pooling import MixinConnectionPooling
from onex.mixins.connection_pooling.model_connection_pooling_subcontract import ModelConnectionPoolingSubcontract

__all__ = ["MixinConnectionPooling", "ModelConnectionPoolingSubcontract"]
