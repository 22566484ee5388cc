"""``onex dlq park|reopen|drop|edit|export|audit``: everything beside looking and replaying."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from onex.cli.author import Who, Why, author_of
from onex.cli.dlq.filters import with_filters
from onex.cli.dlq.managers import DryRun, Node, NodeName, OneNode, Place, manager_of, managers_of
from onex.cli.inputs import pairs, read_text
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, console, json_line, print_json, print_rows
from onex.dlq import DeadLetter, LetterFilter, exported
from onex.dlq.edit import exact_json
from onex.model.mesh import EnumDeadLetterAction


@with_filters
def park(
    wanted: LetterFilter,
    node: OneNode,
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Put dead letters aside: list and replay pass them by until they are reopened."""
    _mark(EnumDeadLetterAction.PARKED, wanted, node, dry_run, why, who, services, as_json)


@with_filters
def reopen(
    wanted: LetterFilter,
    node: OneNode,
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Take parked, dropped or replayed letters back into the open ones; say which with --state."""
    _mark(EnumDeadLetterAction.REOPENED, wanted, node, dry_run, why, who, services, as_json)


@with_filters
def drop(
    wanted: LetterFilter,
    node: OneNode,
    why: Why,
    dry_run: DryRun = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up for good. They stay in the topic until its retention, and in the audit."""
    _mark(EnumDeadLetterAction.DROPPED, wanted, node, dry_run, why, who, services, as_json)


def _mark(
    action: EnumDeadLetterAction,
    wanted: LetterFilter,
    node: str,
    dry_run: bool,
    why: str,
    who: str,
    services: list[Path] | None,
    as_json: bool,
) -> None:
    contract, manager = manager_of(load_settings(services), node, author_of(who, why))
    letters = [letter for letter, _ in manager.find(wanted)]
    marked = 0 if dry_run or not letters else manager.mark(letters, action)
    if as_json:
        print_json({"node": contract.name, "matching": len(letters), action: marked})
        return
    console.print(f"{len(letters)} dead letters of {contract.name} {'would be ' if dry_run else ''}{action}")


def edit(
    node: NodeName,
    place: Place,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="PATH=VALUE, e.g. lines.0.price=3; the value is JSON, or text. May be repeated."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", help="PATH of a field, or of an element of a list, to remove. May be repeated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A whole new payload as JSON; `-` reads standard input.")
    ] = None,
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Change the message of a dead letter: checked against the schema of its topic; the original stays.

    --set and --unset change the message of the letter, or that of --file. --unset comes last.
    """
    contract, manager = manager_of(load_settings(services), node, author_of(who, why))
    letter = _only(manager.find(LetterFilter(places=frozenset({place}))), contract.dead_letter_topic, place)
    payload = None
    if file is not None:
        payload = _payload(file)
    if payload is None and not changes and not unset:
        raise typer.BadParameter("give --set PATH=VALUE, --unset PATH or --file", param_hint="'--set'")
    made = manager.prepare_edit(letter, pairs(changes, "--set"), payload, unset or ())
    copy = "" if dry_run else manager.edit(made)
    if as_json:
        print_json({"node": contract.name, "place": place, "copy": copy, "difference": made.difference})
        return
    console.print(made.difference or "nothing changes")
    if copy:
        console.print(f"mended copy at {copy}; send it: onex dlq replay --node {contract.name} --place {copy}")


def _payload(file: Path) -> JsonValue:
    try:
        return exact_json(read_text(str(file), "--file"))
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{file} is not JSON: {error}", param_hint="'--file'") from None


def _only(found: Iterator[tuple[DeadLetter, object]], topic: str, place: str) -> DeadLetter:
    for letter, _ in found:
        return letter
    raise CommandError(f"{topic} has no open dead letter at {place}")


@with_filters
def export(
    wanted: LetterFilter,
    node: Node = "",
    to: Annotated[Path | None, typer.Option("--to", help="File to write; default: standard output.")] = None,
    services: Services = None,
) -> None:
    """Write dead letters as JSON, one a line: bytes in base64, nothing left out."""
    settings = load_settings(services)
    lines = (
        json_line({"node": contract.name, **exported(letter, state)})
        for contract, manager in managers_of(settings, node)
        for letter, state in manager.find(wanted)
    )
    if to is None:
        sys.stdout.writelines(lines)
        return
    with to.open("w") as out:
        count = sum(1 for line in lines if out.write(line))
    console.print(f"{count} dead letters written to {to}")


def audit(node: Node = "", services: Services = None, as_json: AsJson = False) -> None:
    """Show what was done with dead letters: who, what, why."""
    settings = load_settings(services)
    entries = sorted(
        (e for _, manager in managers_of(settings, node) for e in manager.audited()), key=lambda entry: entry.at
    )
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    rows = [
        (f"{e.at:%Y-%m-%d %H:%M:%S}", e.who, e.action, e.node, e.letter, e.why, e.detail.partition("\n")[0])
        for e in entries
    ]
    print_rows(("AT", "WHO", "WHAT", "NODE", "LETTER", "WHY", "DETAIL"), rows)
