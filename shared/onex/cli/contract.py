"""``onex contract``: validate contracts, print their schema."""

from pathlib import Path
from typing import Annotated

import typer

from onex.cli.contract_checks import validated
from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.terminal import styled
from onex.codegen.api import api_files
from onex.codegen.capability_fields import capability_files
from onex.codegen.declarations import declaration_files
from onex.codegen.observability import observability_files
from onex.codegen.reference import reference_files
from onex.contract import contract_json_schema, find_contracts

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
    files = find_contracts(paths)
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


@app.command()
def render(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when files differ.")] = False,
    root: Annotated[Path, typer.Option(help="Folder that holds topics/, schemas/, deploy/ and docs/.")] = Path(),
    services: Services = None,
) -> None:
    """Write what comes from contracts, or check that it is up to date.

    topics/, schemas/, the Grafana dashboard and Prometheus alerts in deploy/, docs/contract-reference.md.
    In a checkout of ONEX also docs/api.md, docs/capability-fields.md and the subcontract.yaml of each capability.
    """
    # As the contracts have them: the files are for every environment.
    nodes = resolve_all(load_settings(services).model_copy(update={"topic_prefix": ""}))
    files = {
        **declaration_files(nodes),
        **observability_files(nodes),
        **reference_files(),
        **capability_files(root),
        **api_files(root),
    }
    present = {str(p.relative_to(root)) for folder in ("topics", "schemas") for p in (root / folder).glob("onex.*")}
    present |= {str(p.relative_to(root)) for p in (root / "topics").glob("_*")}
    present |= {name for name in files if (root / name).exists()}
    drifted = [name for name, text in files.items() if name not in present or (root / name).read_text() != text]
    surplus = sorted(present - set(files))
    if check:
        for name in [*drifted, *surplus]:
            errors.print(f"{name} differs from the contracts; run `onex contract render`")
        if drifted or surplus:
            raise typer.Exit(Exit.FAILED)
        console.print(f"{len(files)} files up to date")
        return
    for name in drifted:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(files[name])
    for name in surplus:
        (root / name).unlink()
    console.print(f"{len(drifted)} files written, {len(surplus)} removed")


@app.command()
def schema() -> None:
    """Print the JSON Schema of contract.yaml; point your editor at it."""
    print_json(contract_json_schema())
