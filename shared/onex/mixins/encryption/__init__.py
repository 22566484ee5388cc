"""Encryption: encrypted envelopes around data."""

from onex.mixins.encryption.mixin_encryption import MixinEncryption
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionKey, ModelEncryptionSubcontract
from onex.mixins.encryption.protocol_encryption import ProtocolEncryption

__all__ = ["MixinEncryption", "ModelEncryptionKey", "ModelEncryptionSubcontract", "ProtocolEncryption"]
