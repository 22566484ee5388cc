"""Addresses that a request may connect to.

A name in a URL, or in a redirect, can lead to this machine, to the network behind it, or to the metadata service of a
cloud (server-side request forgery, CWE-918). The addresses are checked, not the name, and the connection goes to the
checked address: a name that leads elsewhere a moment later (DNS rebinding) changes nothing.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from onex.errors import OutageError, RejectedError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
NETWORKS_FIELD = "http_client.private_networks"
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses behind a translator (RFC 6052)."""


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Return the addresses of a host, the preferred one first. Raise OutageError when the name is unknown."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutageError(f"the host {host} has no address") from None
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for _, _, _, _, sockaddr in found]


def permitted(
    host: str, addresses: Sequence[Address], private: Sequence[Network], field: str = NETWORKS_FIELD
) -> Sequence[Address]:
    """Return the addresses that are public, or in a network of ``private``. Raise RejectedError when none is.

    The error names the field of the contract that allows networks.
    """
    kept = [address for address in addresses if _is_permitted(address, private)]
    if not kept:
        raise RejectedError(
            f"the host {host} is in a network that is not public; {field} in the contract allows networks"
        )
    return kept


def _is_permitted(address: Address, private: Sequence[Network]) -> bool:
    inner = _inner(address)
    if any(inner in network for network in private):
        return True
    return inner.is_global and not inner.is_multicast


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address represents, or the address itself."""
    match address:
        case IPv6Address(ipv4_mapped=IPv4Address() as inner) | IPv6Address(sixtofour=IPv4Address() as inner):
            return inner
        case IPv6Address(teredo=(_, IPv4Address() as inner)):
            return inner
        case IPv6Address() if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        case _:
            return address
