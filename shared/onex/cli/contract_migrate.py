"""``onex contract migrate``: older contracts of this mesh in the current version of the schema."""

from pathlib import Path
from typing import Annotated

import typer

from onex.cli.inputs import read_text
from onex.cli.output import AsJson, CommandError, Exit, console, errors, print_json
from onex.cli.terminal import styled
from onex.codegen.found.files import write_whole
from onex.codegen.migrate import Migration, migrated
from onex.contract import find_contracts
from onex.errors import ContractError, ContractProblem


def migrate(
    paths: Annotated[list[Path], typer.Argument(help="Contract files, or folders with contracts.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, and exit with code 1 when a contract would change.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Change the files. Comments and order stay.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rewrite contracts of earlier versions of the schema: old keys, kinds, versions, retries, names of mixins."""
    if check is write:
        raise CommandError("pass --check or --write; --check writes nothing", Exit.USAGE)
    migrations: list[Migration] = []
    problems: list[ContractProblem] = []
    for file in find_contracts(paths):
        try:
            migrations.append(migrated(read_text(str(file), "PATHS"), file))
        except ContractError as error:
            problems += error.problems
    changed = [migration for migration in migrations if migration.changes]
    for migration in changed if write else ():
        write_whole(migration.file, migration.text)
    if as_json:
        print_json(
            {
                "checked": len(migrations) + len({problem.file for problem in problems}),
                "changed": {str(each.file): [list(change) for change in each.changes] for each in changed},
                "problems": [str(problem) for problem in problems],
            }
        )
    else:
        for migration in changed:
            for field, words in migration.changes:
                console.print(styled("{}: {} {}", migration.file, field, words))
        done = "changed" if write else "to change"
        console.print(f"{len(changed)} of {len(migrations)} contract{'s' if len(migrations) != 1 else ''} {done}")
        for problem in problems:
            errors.print(styled("[red]error[/] {}", problem))
    if problems:
        raise typer.Exit(Exit.CONTRACT)
    if check and changed:
        raise typer.Exit(Exit.FAILED)
