"""The mixin that adds authorization to a node."""

from typing import Protocol

from onex.capability import Container, Mixin, capability, configured, define
from onex.mixins.authentication import ProtocolAuthentication
from onex.mixins.authorization.engine import AuthorizationEngine
from onex.mixins.authorization.model_authorization_subcontract import ModelAuthorizationSubcontract
from onex.mixins.authorization.protocol_authorization import ProtocolAuthorization


class HasAuthentication(Protocol):
    """A node with :class:`MixinAuthentication`."""

    @property
    def container(self) -> Container: ...
    @property
    def authentication(self) -> ProtocolAuthentication: ...


class MixinAuthorization(Mixin):
    """The contract has the rules; ``self.authorization.require("refund", amount=5)`` checks other actions."""

    definition = define(__file__, ModelAuthorizationSubcontract)

    @capability
    def authorization(self: HasAuthentication) -> ProtocolAuthorization:
        """The rules."""
        return AuthorizationEngine(configured(self, ModelAuthorizationSubcontract), self.authentication)
