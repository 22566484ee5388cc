"""Networks of addresses as settings and contracts write them."""

from ipaddress import ip_network


def network_text(text: str) -> str:
    """Return the text of a network. Raise ValueError for host bits, zones, and IPv4 mapped into IPv6."""
    if "%" in text:
        raise ValueError(f"{text} has a zone, which only the machine of the client knows")
    network = ip_network(text)
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise ValueError(f"{text} is IPv4 in IPv6; write the IPv4 network")
    return str(network)
