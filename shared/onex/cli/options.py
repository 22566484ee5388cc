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

AllowUnfinished = Annotated[
    bool,
    typer.Option(
        "--allow-unfinished",
        help="Also run a node with unfinished handlers. Each of their messages becomes a dead letter of that class.",
    ),
]


def load_settings(services: list[Path] | None = None) -> Settings:
    """Return the settings, with the folders of the command line. Raise ConfigurationError."""
    return Settings.load(services=[_folder_of(folder) for folder in services]) if services else Settings.load()


def _folder_of(folder: Path) -> Path:
    """Return the folder, or that of the installed node with this name when the folder does not exist."""
    if folder.exists():
        return folder.resolve()
    from onex.cli.installed_nodes import installed_node  # rarely needed, and imports contracts

    versions = installed_node(folder.name) if folder == Path(folder.name) else []
    return versions[0].parent.parent if versions else folder.resolve()
