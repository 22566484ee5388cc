"""Options that commands share. This module imports little: `onex up` starts Kafka before it imports the rest."""

from pathlib import Path
from typing import Annotated

import typer

from onex.settings import Settings

Services = Annotated[
    list[Path] | None,
    typer.Option(
        "--services",
        "-s",
        help="Folder with nodes, or the name of an installed node; may be repeated. Default: ONEX_SERVICES.",
    ),
]


def load_settings(services: list[Path] | None = None) -> Settings:
    """Return the settings, with the folders of the command line. Raise ConfigurationError."""
    return Settings.load(services=[_folder_of(each) for each in services]) if services else Settings.load()


def _folder_of(given: Path) -> Path:
    """Return a folder, or that of the installed node with this name where there is no such folder."""
    if given.exists():
        return given.resolve()
    from onex.cli.installed_nodes import installed_node  # rarely needed, and imports contracts

    versions = installed_node(given.name) if given == Path(given.name) else []
    return versions[0].parent.parent if versions else given.resolve()
