"""What commands have in common. Imports little: `onex up` starts Kafka before anything else is imported."""

from pathlib import Path
from typing import Annotated

import typer

from onex.settings import Settings

Services = Annotated[
    list[Path] | None,
    typer.Option("--services", "-s", help="Folder with nodes; may be repeated. Default: ONEX_SERVICES."),
]


def load_settings(services: list[Path] | None = None) -> Settings:
    """Settings, with the folders given on the command line."""
    return Settings.load(services=[folder.resolve() for folder in services]) if services else Settings.load()
