"""Addresses of clients, in whatever form headers have them."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from onex.errors import AccessDeniedError

Address = IPv4Address | IPv6Address
_LONGEST = 100
"""Characters of one address with its port and quotes."""
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?")
_PAIR = re.compile(r'\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)=("[^"\\]*"|[^\s";,]+)\s*')
"""A pair of RFC 7239. Escapes within quotes are none that an address has."""


def address_of(text: str) -> Address:
    """Return an address, IPv4 for one that is mapped into IPv6, without zone and port.

    Raise AccessDeniedError for anything else, ``unknown`` and names included.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise AccessDeniedError("the address of the client cannot be read")
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        raise AccessDeniedError("the address of the client cannot be read") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def forwarded_for(values: Iterable[str], most: int) -> Sequence[str]:
    """Return the addresses of ``X-Forwarded-For`` headers, the nearest last. Raise AccessDeniedError for too many."""
    return _bounded([part for value in values for part in value.split(",", most + 1)], most)


def forwarded(values: Iterable[str], most: int) -> Sequence[str]:
    """Return the ``for`` addresses of ``Forwarded`` headers (RFC 7239), the nearest last.

    Raise AccessDeniedError for a header that is none, an element without ``for``, and for too many.
    """
    addresses: list[str] = []
    for element in _bounded([part for value in values for part in value.split(",", most + 1)], most):
        found = [_for_of(pair) for pair in element.split(";")]
        named = [address for address in found if address is not None]
        if len(named) != 1:
            raise AccessDeniedError("the Forwarded header cannot be read")
        addresses += named
    return addresses


def _for_of(pair: str) -> str | None:
    match = _PAIR.fullmatch(pair)
    if match is None:
        raise AccessDeniedError("the Forwarded header cannot be read")
    name, value = match.groups()
    return value.strip('"') if name.lower() == "for" else None


def _bounded(parts: Sequence[str], most: int) -> Sequence[str]:
    if len(parts) > most:
        raise AccessDeniedError("the request came through too many proxies")
    return parts


class Networks:
    """A set of networks."""

    def __init__(self, networks: Iterable[str]) -> None:
        parsed = [ip_network(network) for network in networks]
        self._four: dict[int, set[int]] = {}
        self._six: dict[int, set[int]] = {}
        for network in parsed:
            table = self._four if isinstance(network, IPv4Network) else self._six
            table.setdefault(_shift(network), set()).add(int(network.network_address) >> _shift(network))

    def __contains__(self, address: Address) -> bool:
        table = self._four if isinstance(address, IPv4Address) else self._six
        number = int(address)
        return any(number >> shift in prefixes for shift, prefixes in table.items())


def _shift(network: IPv4Network | IPv6Network) -> int:
    return network.max_prefixlen - network.prefixlen
