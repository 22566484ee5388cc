"""``onex contract import``: contracts of other implementations become contracts of this mesh, with a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.terminal import styled
from onex.codegen.found import FoundContract, import_contract
from onex.codegen.found.files import Target, found_files, target_of, write_target
from onex.codegen.found.notes import EnumFound, counts
from onex.errors import RejectedError

_STYLES = {
    EnumFound.TAKEN: "[green]taken[/]",
    EnumFound.TRANSLATED: "[yellow]translated[/]",
    EnumFound.LEFT_OUT: "[magenta]left out[/]",
    EnumFound.REFUSED: "[red]refused[/]",
}


def import_contracts(
    paths: Annotated[list[Path], typer.Argument(help="Contracts, or folders with contracts.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write NODE/VERSION/contract.yaml below this folder, with a report."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace contracts that are there already.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Print also what was taken as it is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read contracts as they are found, and write contracts of this mesh with a report by file and line.

    The report says of every value whether it was taken, translated or left out, and why. A value that changes what
    the node does, and that nothing here can express, refuses its file. Without --output nothing is written.
    """
    results = [import_contract(file) for file in found_files(paths)]
    targets = _targets(results, output)
    blocked = [] if overwrite else [target for target in targets if target.exists]
    if blocked:
        names = ", ".join(str(target.contract) for target in blocked)
        raise RejectedError(f"{names}: there already; move it, or pass --overwrite")
    for target in targets:
        write_target(target)
    if as_json:
        print_json({"files": [_json(result, targets) for result in results], "loaded": len(_loaded(results))})
    else:
        _print(results, targets, everything)
    if len(_loaded(results)) < len(results):
        raise typer.Exit(Exit.CONTRACT)


def _loaded(results: Sequence[FoundContract]) -> list[FoundContract]:
    return [result for result in results if not result.is_refused]


def _targets(results: Sequence[FoundContract], output: Path | None) -> list[Target]:
    if output is None:
        return []
    targets = [target_of(result, output) for result in _loaded(results)]
    places: dict[Path, Path] = {}
    for target in targets:
        other = places.setdefault(target.contract, target.result.file)
        if other != target.result.file:
            raise RejectedError(
                f"{other} and {target.result.file} are the same version of one node; import one, or change a version"
            )
    return targets


def _json(result: FoundContract, targets: Sequence[Target]) -> dict[str, object]:
    contract = result.contract
    return {
        "file": str(result.file),
        "node": contract.name if contract else None,
        "kind": contract.node_type if contract else None,
        "written": next((str(target.contract) for target in targets if target.result is result), None),
        "counts": counts(result.notes),
        "notes": [note.model_dump(mode="json") for note in result.notes],
        "problems": [
            {"line": p.line, "field": p.field, "message": p.message, "remedy": p.remedy} for p in result.problems
        ],
    }


def _print(results: Sequence[FoundContract], targets: Sequence[Target], everything: bool) -> None:
    for result in results:
        out = errors if result.is_refused else console
        for note in result.notes:
            shown = everything or note.action is not EnumFound.TAKEN
            if result.is_refused and not everything:
                shown = note.action is EnumFound.REFUSED
            if shown:
                place = f"{result.file}:{note.line}: "
                out.print(styled("{}" + _STYLES[note.action] + ": {}: {}", place, note.field, note.reason))
        for problem in result.problems:
            errors.print(styled("[red]refused[/]: {}", problem))
    for target in targets:
        console.print(f"wrote {target.contract}")
    console.print(f"{len(_loaded(results))} of {len(results)} contract{'s' if len(results) != 1 else ''} loaded")
