"""Data persistence: the ONEX name of what nodes store."""

from onex.mixins.data_persistence.mixin_data_persistence import MixinDataPersistence
from onex.mixins.data_persistence.model_data_persistence_subcontract import ModelDataPersistenceSubcontract

__all__ = ["MixinDataPersistence", "ModelDataPersistenceSubcontract"]
