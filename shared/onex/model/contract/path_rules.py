"""Which URLs, headers and paths of files a contract may contain."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_BASE = re.compile(r"(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?/(?!/)[^?#]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_LONGEST_VALUE: Final = 500
_REFUSED: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PLACE: Final = "{"
"""Takes the place of a placeholder. Constant parts have no braces."""


def url_problem(texts: Sequence[str]) -> str:
    """Return why the constant parts of a URL are refused. Empty when they are not."""
    whole = _PLACE.join(texts)
    if _BASE.fullmatch(whole) is None:
        return "is no URL; write https://host/path or /path, with placeholders in the path; `query` has the query"
    path = whole.partition("://")[2].partition("/")[2] if "://" in texts[0] else whole[1:]
    return _segments_problem(path)


def file_problem(texts: Sequence[str]) -> str:
    """Return why the constant parts of a path below a folder are refused. Empty when they are not."""
    whole = _PLACE.join(texts)
    if any(character in whole for character in "\\:"):
        return "has a backslash or a colon; write names between slashes"
    if "" in whole.split("/"):
        return "has an empty name; write names between slashes, without a slash at an end"
    return _segments_problem(whole)


def _segments_problem(path: str) -> str:
    """Return why a part between slashes could mean another folder. A value alone is checked when it is there."""
    for part in path.split("/"):
        if part != _PLACE and part and not part.strip("." + _PLACE):
            return f"has the part {part.replace(_PLACE, '{}')!r}; write a name, or one placeholder alone"
        if _PLACE in part and "%" in part:
            return "has a percent sign next to a placeholder; values are quoted without it"
    return ""


def headers_problem(headers: Mapping[str, str]) -> str:
    """Return why headers are refused. Empty when they are not."""
    for name, value in headers.items():
        if _NAME.fullmatch(name) is None:
            return f"{name[:64]!r} is no header; write letters, digits and hyphens"
        if name.lower() in _REFUSED:
            return f"{name} is no constant; set it in the configuration of the capability, or remove it"
        if len(value) > _LONGEST_VALUE or any(not " " <= character <= "~" for character in value):
            return f"the value of {name} is too long, or has characters that are not visible ASCII"
    if len({name.lower() for name in headers}) < len(headers):
        return "a header is listed twice"
    return ""
