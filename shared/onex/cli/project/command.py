"""``onex init``: start a project."""

from pathlib import Path
from typing import Annotated

import typer

from onex.cli.output import AsJson, console, print_json
from onex.cli.terminal import styled
from onex.errors import ConfigurationError


def init(
    project: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Name of the project: lower-case words with hyphens, such as `shop` or `web-shop`."
        ),
    ],
    folder: Annotated[
        Path | None, typer.Option("--folder", "-f", help="Folder, new or empty. Default: one of the project's name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start a project: a node that works with its cases, tests, CI, and checks of contracts.

    It writes all files or none, and refuses a folder that is not empty.
    """
    from onex.cli.project.names import project_names  # they import the schema of contracts
    from onex.cli.project.scaffold import project_files
    from onex.cli.project.write import write_new_folder

    try:
        names = project_names(project)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None
    target = folder or Path(names.project)
    files = project_files(names)
    write_new_folder(target, files)
    if as_json:
        print_json({"folder": str(target), "files": sorted(files)})
        return
    for path in sorted(files):
        console.print(styled("wrote {}", str(target / path)))
    console.print(styled("go on in {}, or: cd {} && python -m pytest", str(target / "README.md"), str(target)))
