"""Secure storage: encrypted secrets on this machine."""

from onex.mixins.secure_storage.mixin_secure_storage import MixinSecureStorage
from onex.mixins.secure_storage.model_secure_storage_subcontract import ModelSecureStorageSubcontract
from onex.mixins.secure_storage.protocol_secure_storage import ProtocolSecureStorage

__all__ = ["MixinSecureStorage", "ModelSecureStorageSubcontract", "ProtocolSecureStorage"]
