"""``onex dlq park|reopen|drop|edit|export|audit``: changes, exports and audit of dead letters."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, JsonValue, ValidationError

from onex.cli.author import Who, Why, author_of
from onex.cli.dlq.filters import with_filters
from onex.cli.dlq.managers import DryRun, Node, NodeName, OneNode, Place, audit_of, manager_of, managers_of
from onex.cli.inputs import pairs, read_text
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, console, json_line, print_json, print_rows
from onex.dlq import DeadLetter, LetterFilter, exported
from onex.dlq.edit import exact_json
from onex.errors import RejectedError
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
    """Park dead letters: `list` and `replay` skip them until they are reopened."""
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
    """Reopen parked, dropped or replayed dead letters. Select them with --state."""
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
    """Give up dead letters for good. They stay on the topic until its retention, and in the audit log."""
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
        typer.Option("--set", help="PATH=VALUE, e.g. lines.0.price=3. The value is JSON, or text. Repeatable."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", help="PATH of a field, or of an element of a list, to remove. Repeatable."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="File with a new message as JSON; `-` reads standard input.")
    ] = None,
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Edit the message of a dead letter. The copy is checked against the schema of its topic; the original stays.

    --set and --unset change the message of the dead letter, or that of --file. --unset is applied last.
    """
    contract, manager = manager_of(load_settings(services), node, author_of(who, why))
    letter = _only(manager.find(LetterFilter(places=frozenset({place}))), contract.dead_letter_topic, place)
    payload = None
    if file is not None:
        payload = _payload(file)
    if payload is None and not changes and not unset:
        raise typer.BadParameter("pass --set PATH=VALUE, --unset PATH or --file", param_hint="'--set'")
    prepared = manager.prepare_edit(letter, pairs(changes, "--set"), payload, unset or ())
    copy = "" if dry_run else manager.edit(prepared)
    if as_json:
        print_json({"node": contract.name, "place": place, "copy": copy, "difference": prepared.difference})
        return
    console.print(prepared.difference or "nothing changes")
    if copy:
        console.print(f"edited copy at {copy}; replay it: onex dlq replay --node {contract.name} --place {copy}")


def _payload(file: Path) -> JsonValue:
    try:
        return exact_json(read_text(str(file), "--file"))
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{file} is not JSON: {error}", param_hint="'--file'") from None


def _only(letters: Iterator[tuple[DeadLetter, object]], topic: str, place: str) -> DeadLetter:
    for letter, _ in letters:
        return letter
    raise CommandError(f"{topic} has no open dead letter at {place}")


@with_filters
def export(
    wanted: LetterFilter,
    node: Node = "",
    to: Annotated[Path | None, typer.Option("--to", help="File to write. Default: standard output.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace a file that this command did not write.")
    ] = False,
    services: Services = None,
) -> None:
    """Export dead letters with all of their fields as JSON, one on each line. Bytes are base64."""
    if to is not None and not overwrite and not _may_replace(to):
        raise RejectedError(f"{to}: not written by `onex dlq export`; name another file, or pass --overwrite")
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


class _ExportedLetter(BaseModel):
    """The fields by which an export is recognised."""

    node: str
    place: str


def _may_replace(file: Path) -> bool:
    """Return whether a file does not exist, is empty, is no regular file, or begins with an exported dead letter."""
    if not file.is_file():
        return True
    with file.open("rb") as content:
        first_line = content.readline()
    try:
        return not first_line or bool(_ExportedLetter.model_validate_json(first_line))
    except ValidationError:
        return False


def audit(node: Node = "", services: Services = None, as_json: AsJson = False) -> None:
    """Show who changed dead letters, nodes, runs and schedules, how and why. Without --node also of removed nodes."""
    settings = load_settings(services)
    audited = manager_of(settings, node)[1].audited() if node else audit_of(settings).entries()
    entries = sorted(audited, key=lambda entry: entry.at)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    rows = [
        (f"{e.at:%Y-%m-%d %H:%M:%S}", e.who, e.action, e.node, e.letter, e.why, e.detail.partition("\n")[0])
        for e in entries
    ]
    print_rows(("AT", "WHO", "WHAT", "NODE", "LETTER", "WHY", "DETAIL"), rows)
