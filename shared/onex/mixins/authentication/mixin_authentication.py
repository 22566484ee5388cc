"""The mixin that adds authentication to a node."""

from onex.capability import (
    HealthCheck,
    HealthChecks,
    Mixin,
    ProtocolCurrentMessage,
    ProtocolHost,
    capability,
    configured,
    define,
)
from onex.mixins.authentication.engine import AuthenticationEngine
from onex.mixins.authentication.keys import CHECK
from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract
from onex.mixins.authentication.protocol_authentication import ProtocolAuthentication
from onex.util.clock import ProtocolClock


class MixinAuthentication(Mixin):
    """``self.authentication.principal.subject``; messages without a valid token are refused automatically."""

    definition = define(__file__, ModelAuthenticationSubcontract)

    @capability
    def authentication(self: ProtocolHost) -> ProtocolAuthentication:
        """The authenticated sender."""
        settings = configured(self, ModelAuthenticationSubcontract)
        engine = AuthenticationEngine(
            settings, self.container.get(ProtocolCurrentMessage), self.container.get(ProtocolClock)
        )
        if settings.jwks_url:
            self.container.get(HealthChecks).add(HealthCheck(CHECK, engine.probe))
        return engine
