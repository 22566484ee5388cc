"""Gives a node its authorization."""

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
    """Rules in the contract; ``self.authorization.require("refund", amount=5)`` for what is no message."""

    definition = define(__file__, ModelAuthorizationSubcontract)

    @capability
    def authorization(self: HasAuthentication) -> ProtocolAuthorization:
        """Rules."""
        return AuthorizationEngine(configured(self, ModelAuthorizationSubcontract), self.authentication)
