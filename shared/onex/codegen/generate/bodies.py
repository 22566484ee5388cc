"""Sources of handler bodies that a contract does not state."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from typing_extensions import override


class ProtocolBodySource(Protocol):
    """Fills handler bodies of rendered files. HYBRID has one; what it returns passes the same gates as templates."""

    def filled(self, rendered: Mapping[str, str]) -> Mapping[str, str]:
        """Return the files with the bodies that this source has. Keys are those of ``rendered``, and none is new."""
        ...


class HandWrittenBodies(ProtocolBodySource):
    """The bodies that a person wrote into the package in a folder ``NAME/VERSION``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def filled(self, rendered: Mapping[str, str]) -> Mapping[str, str]:
        from onex.codegen.regenerate import merged  # it needs the extra `codegen`, which most callers do not

        return merged(rendered, self._folder)
