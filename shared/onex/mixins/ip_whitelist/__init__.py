"""Client addresses: which networks may send requests, seen through proxies."""

from onex.mixins.ip_whitelist.middleware import IPWhitelistMiddleware
from onex.mixins.ip_whitelist.mixin_ip_whitelist import MixinIPWhitelist
from onex.mixins.ip_whitelist.model_ip_whitelist_subcontract import ModelIPWhitelistSubcontract
from onex.mixins.ip_whitelist.protocol_ip_whitelist import ProtocolIPWhitelist

__all__ = ["IPWhitelistMiddleware", "MixinIPWhitelist", "ModelIPWhitelistSubcontract", "ProtocolIPWhitelist"]
