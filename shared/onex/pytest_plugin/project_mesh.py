"""The nodes of a project as a mesh in memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from onex.contract.versions import newest_contracts
from onex.errors import ConfigurationError
from onex.settings import Settings
from onex.testing import MeshDriver


def project_mesh(root: Path, names: Sequence[str], options: Mapping[str, bool | str]) -> MeshDriver:
    """Return a driver of nodes: the newest version of each major version.

    Args:
        root: folder of the project; the services folders of the settings are below it.
        names: names or folders of nodes. None: all nodes.
        options: ``virtual_time`` and ``topic_prefix`` of :class:`onex.testing.MeshDriver`.

    Raise ConfigurationError for an unknown name or option.
    """
    if unknown := sorted(options.keys() - {"virtual_time", "topic_prefix"}):
        raise ConfigurationError(f"marker mesh: no option {', '.join(unknown)}; use virtual_time or topic_prefix")
    folders = {file.resolve().parent for name in names or [""] for file in _contracts(root, name)}
    return MeshDriver(
        sorted(folders),
        virtual_time=bool(options.get("virtual_time", True)),
        topic_prefix=str(options.get("topic_prefix", "")),
    )


def _contracts(root: Path, name: str) -> Iterator[Path]:
    """Yield the contracts of a node, or of all for an empty name."""
    services = [root / folder for folder in Settings.load().services]
    present = [folder for folder in services if folder.is_dir()]
    if name and (root / name).is_dir():
        yield from newest_contracts([root / name])
        return
    files = newest_contracts(present) if present else []
    named = [file for file in files if name in ("", file.resolve().parent.parent.name)]
    if not named:
        places = ", ".join(map(str, services))
        what = f"no node {name!r}" if name else "no nodes"
        raise ConfigurationError(
            f"{what} below {places}; run pytest in the root of the project, or set ONEX_SERVICES"
        )
    yield from named
