"""The mixin that adds encryption to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.encryption.engine import EncryptionEngine
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionSubcontract
from onex.mixins.encryption.protocol_encryption import ProtocolEncryption


class MixinEncryption(Mixin):
    """``self.encryption.encrypt(data, purpose="card")``"""

    definition = define(__file__, ModelEncryptionSubcontract)

    @capability
    def encryption(self: ProtocolHost) -> ProtocolEncryption:
        """Envelope encryption."""
        return EncryptionEngine(configured(self, ModelEncryptionSubcontract))
