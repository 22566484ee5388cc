"""Sources of handler bodies that a contract does not state."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Filled:
    """Files with bodies of a further source."""

    files: Mapping[str, str]
    """Text by path below the services folder."""
    notes: tuple[str, ...] = ()
    """What stayed, what was replaced and what is undecided, each with its place."""


class ProtocolBodySource(Protocol):
    """Fills handler bodies of rendered files. HYBRID has one; what it returns passes the same gates as templates."""

    def filled(self, rendered: Mapping[str, str]) -> Filled:
        """Return the files with the bodies that this source has, and the further files that these need."""
        ...


class HandWrittenBodies(ProtocolBodySource):
    """The bodies that a person wrote into the package in a folder ``NAME/VERSION``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def filled(self, rendered: Mapping[str, str]) -> Filled:
        from onex.codegen.regenerate import merge  # it needs the extra `codegen`, which most callers do not

        merged = merge(rendered, self._folder)
        return Filled(merged.files, tuple(str(note) for note in merged.notes))
