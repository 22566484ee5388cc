"""``onex contract``: validate contracts, print their schema."""

from pathlib import Path
from typing import Annotated

import typer

from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.contract import contract_json_schema, find_contracts, load_contract, resolve_node
from onex.model.errors import ContractError, ContractProblem

app = typer.Typer(no_args_is_help=True, help="Check contracts and print their JSON Schema.")


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Contract files, or folders that hold some.")],
    shape_only: Annotated[
        bool, typer.Option("--shape-only", help="Check the YAML alone, not the node's classes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check contracts, and node classes against them. Prints every problem with file, line and remedy."""
    problems: list[ContractProblem] = []
    files = find_contracts(paths)
    for file in files:
        alone = shape_only or not file.with_name("node.py").exists()
        try:
            load_contract(file) if alone else resolve_node(file)
        except ContractError as error:
            problems += error.problems
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
            errors.print(f"[red]error[/] {problem}")
        if not problems:
            console.print(f"{len(files)} contract{'s' if len(files) != 1 else ''} valid")
    if problems:
        raise typer.Exit(Exit.CONTRACT)


@app.command()
def schema() -> None:
    """Print the JSON Schema of contract.yaml; point your editor at it."""
    print_json(contract_json_schema())
