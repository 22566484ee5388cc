"""The names that a project has in Python, in topics and on disk."""

import keyword
import re
from dataclasses import dataclass
from typing import Final

from onex.errors import ConfigurationError

LONGEST: Final = 30
"""Characters of a project's name: nodes and topics are named after it."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_RESERVED: Final = frozenset({"onex", "onex-mesh"})
"""Their package would be one of this library."""


@dataclass(frozen=True, slots=True)
class ProjectNames:
    """One name in the forms that files need. All of them are made of ASCII letters, digits, ``-`` and ``_``."""

    project: str
    """``web-shop``: the distribution, the folder and the owner of topics."""
    package: str
    """``web_shop``: the beginning of the package that holds the nodes when the project is installed."""
    node: str
    """``node_web_shop_greeting_compute``"""
    node_class: str
    """``NodeWebShopGreetingCompute``"""


def project_names(name: str) -> ProjectNames:
    """Return the forms of a project's name. Raise ConfigurationError for a name that cannot be used."""
    if len(name) > LONGEST or not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in _RESERVED:
        raise ConfigurationError(
            f"{name[:80]!r} is no name of a project; write lower-case words with hyphens, at most {LONGEST} "
            "characters, such as shop or web-shop"
        )
    package = name.replace("-", "_")
    owner = "".join(word.capitalize() for word in name.split("-"))
    return ProjectNames(name, package, f"node_{package}_greeting_compute", f"Node{owner}GreetingCompute")
