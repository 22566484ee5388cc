"""Which headers a node may set."""

import re

_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
_VALUE = re.compile(r"^[\x20-\x7e\t]{0,8192}$")
_OF_THE_CLIENT = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "cookie",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""They frame or route a request. A node that sets them could smuggle a second one, or address another host."""


def header_problem(name: str, value: str) -> str:
    """Return why a header is refused, without its value. Empty when it is valid."""
    if not _NAME.fullmatch(name):
        return "the name of a header has letters, digits and dashes only"
    if name.lower() in _OF_THE_CLIENT:
        return f"the client sets the header {name.lower()} itself"
    if not _VALUE.fullmatch(value):
        return f"the value of the header {name.lower()} is not printable ASCII of at most 8192 characters"
    return ""
