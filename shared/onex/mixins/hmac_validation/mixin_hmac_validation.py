"""The mixin that adds HMAC signatures to a node."""

from onex.capability import (
    AgentEnvironment,
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    ProtocolHost,
    capability,
    configured,
    define,
)
from onex.capability.current_record import ProtocolCurrentRecord
from onex.capability.health import EnumCheckKind
from onex.mixins.hmac_validation.engine import HMACValidationEngine
from onex.mixins.hmac_validation.model_hmac_validation_subcontract import ModelHMACValidationSubcontract
from onex.mixins.hmac_validation.protocol_hmac_validation import ProtocolHMACValidation
from onex.mixins.replay_window import ReplayWindow
from onex.util.clock import ProtocolClock


class MixinHMACValidation(Mixin):
    """``self.hmac.key_id``; messages without a valid signature are refused, and outputs are signed, automatically."""

    definition = define(__file__, ModelHMACValidationSubcontract)

    @capability
    def hmac(self: ProtocolHost) -> ProtocolHMACValidation:
        """The signatures."""
        container, settings = self.container, configured(self, ModelHMACValidationSubcontract)
        clock = container.get(ProtocolClock)
        name = container.get(NodeIdentity).name
        file = container.get(AgentEnvironment).home / "replay" / f"{name}.hmac.sqlite3"
        engine = HMACValidationEngine(
            settings,
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolCurrentRecord),
            ReplayWindow(file, settings.remembered, clock),
            clock,
        )
        if settings.sign_outputs:
            checks = container.get(HealthChecks)
            checks.add(HealthCheck("hmac_keys", engine.probe_keys, EnumCheckKind.COMPONENT))
            checks.add(HealthCheck("hmac_key_end", engine.probe_end, EnumCheckKind.COMPONENT, critical=False))
        return engine
