"""Finds the address of a client, and compares it with networks."""

from collections.abc import Iterable, Mapping

from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.errors import AccessDeniedError
from onex.mixins.ip_whitelist.addresses import Address, Networks, address_of, forwarded, forwarded_for
from onex.mixins.ip_whitelist.model_ip_whitelist_subcontract import ModelIPWhitelistSubcontract
from onex.mixins.ip_whitelist.protocol_ip_whitelist import ProtocolIPWhitelist
from onex.model.message import Message


class IPWhitelistEngine(ProtocolIPWhitelist):
    """Knows its networks from the start. Any thread."""

    def __init__(self, settings: ModelIPWhitelistSubcontract, current_message: ProtocolCurrentMessage) -> None:
        self._settings = settings
        self._current_message = current_message
        self._allow, self._deny = Networks(settings.allow), Networks(settings.deny)
        self._proxies = Networks(settings.trusted_proxies)
        self._refused = 0

    def check(self, message: Message) -> None:
        """Raise AccessDeniedError for a message whose client's address is missing or not accepted."""
        if not (header := self._settings.header):
            return
        address = self._current_message.header(header)
        if not address:
            self._refused += 1
            raise AccessDeniedError(f"{type(message).__name__} has no address of its client in the header {header}")
        if not self.is_allowed(address):
            self._refused += 1
            raise AccessDeniedError("the address of the client is not accepted")

    @override
    def client(self, peer: str, headers: Iterable[tuple[str, str]] = ()) -> str:
        return str(self._client(peer, headers))

    def _client(self, peer: str, headers: Iterable[tuple[str, str]]) -> Address:
        address = address_of(peer)
        if address not in self._proxies:
            return address
        for hop in reversed(self._hops(headers)):
            address = address_of(hop)
            if address not in self._proxies:
                return address
        return address

    def _hops(self, headers: Iterable[tuple[str, str]]) -> list[str]:
        """Return the addresses that proxies have added. ``Forwarded`` comes before the older header."""
        received = [(name.lower(), value) for name, value in headers]
        standard = [value for name, value in received if name == "forwarded"]
        older = [value for name, value in received if name == "x-forwarded-for"]
        most = self._settings.max_hops
        if standard and older:
            raise AccessDeniedError("the request has both Forwarded and X-Forwarded-For; let the proxy remove one")
        return [*(forwarded(standard, most) if standard else forwarded_for(older, most))]

    @override
    def is_allowed(self, address: str) -> bool:
        try:
            parsed = address_of(address)
        except AccessDeniedError:
            return False
        return parsed in self._allow and parsed not in self._deny

    @override
    def require(self, peer: str, headers: Iterable[tuple[str, str]] = ()) -> str:
        try:
            address = self.client(peer, headers)
        except AccessDeniedError:
            self._refused += 1
            raise
        if not self.is_allowed(address):
            self._refused += 1
            raise AccessDeniedError("the address of the client is not accepted")
        return address

    def reported_metrics(self) -> Mapping[str, float]:
        """Refused requests and messages."""
        return {"refused": float(self._refused)}
