"""The mixin that adds a check of client addresses to a node."""

from onex.capability import Mixin, ProtocolCurrentMessage, ProtocolHost, capability, configured, define
from onex.mixins.ip_whitelist.engine import IPWhitelistEngine
from onex.mixins.ip_whitelist.model_ip_whitelist_subcontract import ModelIPWhitelistSubcontract
from onex.mixins.ip_whitelist.protocol_ip_whitelist import ProtocolIPWhitelist


class MixinIPWhitelist(Mixin):
    """``self.ip_whitelist.require(peer, headers)``; messages with an address header are checked automatically."""

    definition = define(__file__, ModelIPWhitelistSubcontract)

    @capability
    def ip_whitelist(self: ProtocolHost) -> ProtocolIPWhitelist:
        """The accepted networks."""
        current_message = self.container.get(ProtocolCurrentMessage)
        return IPWhitelistEngine(configured(self, ModelIPWhitelistSubcontract), current_message)
