"""The mixin that adds encryption to a node."""

from onex.capability import HealthCheck, HealthChecks, Mixin, ProtocolHost, capability, configured, define
from onex.capability.health import EnumCheckKind
from onex.mixins.encryption.engine import EncryptionEngine
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionSubcontract
from onex.mixins.encryption.protocol_encryption import ProtocolEncryption
from onex.util.clock import ProtocolClock


class MixinEncryption(Mixin):
    """``self.encryption.encrypt(data, purpose="card")``"""

    definition = define(__file__, ModelEncryptionSubcontract)

    @capability
    def encryption(self: ProtocolHost) -> ProtocolEncryption:
        """Envelope encryption."""
        container, settings = self.container, configured(self, ModelEncryptionSubcontract)
        engine = EncryptionEngine(settings, container.get(ProtocolClock))
        checks = container.get(HealthChecks)
        checks.add(HealthCheck("encryption_keys", engine.probe_keys, EnumCheckKind.COMPONENT))
        checks.add(HealthCheck("encryption_key_end", engine.probe_end, EnumCheckKind.COMPONENT, critical=False))
        return engine
