"""``onex contract``: checks contracts, renders files from them, and prints their JSON Schema."""

from pathlib import Path
from typing import Annotated

import typer

from onex.cli.contract_checks import contract_of, validated
from onex.cli.contract_import import import_contracts
from onex.cli.contract_migrate import migrate
from onex.cli.contract_render import render
from onex.cli.contract_schema import schema
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.terminal import styled
from onex.contract import find_contracts

app = typer.Typer(no_args_is_help=True, help="Check, import and migrate contracts, and render files from them.")
app.command()(render)
app.command()(schema)
app.command()(migrate)
app.command("import")(import_contracts)


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Contracts, files of nodes, or folders with contracts.")],
    shape_only: Annotated[
        bool, typer.Option("--shape-only", help="Check only the YAML, and not the node's classes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check contracts, and node classes against them. Print each problem with file, line and remedy."""
    files = find_contracts(dict.fromkeys(map(contract_of, paths)))
    problems = validated(files, shape_only=shape_only)
    if as_json:
        print_json(
            {
                "checked": [str(file) for file in files],
                "problems": [
                    {"file": str(p.file), "line": p.line, "field": p.field, "message": p.message, "remedy": p.remedy}
                    for p in problems
                ],
            }
        )
    else:
        for problem in problems:
            errors.print(styled("[red]error[/] {}", problem))
        if not problems:
            console.print(f"{len(files)} contract{'s' if len(files) != 1 else ''} valid")
    if problems:
        raise typer.Exit(Exit.CONTRACT)
