"""``onex dlq``: finds and counts dead letters."""

from collections.abc import Iterator
from datetime import UTC, datetime

import typer

from onex.cli.dlq.changes import audit, drop, edit, export, park, reopen
from onex.cli.dlq.filters import with_filters
from onex.cli.dlq.managers import Node, NodeName, Place, manager_of, managers_of
from onex.cli.dlq.redirect import redirect
from onex.cli.dlq.replay import replay
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, errors, print_json, print_rows, when
from onex.cli.terminal import styled
from onex.dlq import DeadLetter, EnumLetterState, LetterFilter, exported, group_letters
from onex.model.contract import ModelContract
from onex.util.printable import indented

app = typer.Typer(no_args_is_help=True, help="Find, count, replay and fix dead letters.")


@app.command("list")
@with_filters
def list_letters(wanted: LetterFilter, node: Node = "", services: Services = None, as_json: AsJson = False) -> None:
    """List dead letters, oldest first. Without --state or --all, list open ones."""
    settings = load_settings(services)
    found = [
        (contract.name, letter, state)
        for contract, manager in managers_of(settings, node)
        for letter, state in manager.find(wanted)
    ]
    if as_json:
        print_json([exported(letter, state) for _, letter, state in found])
        return
    columns = ("NODE", "PLACE", "STATE", "CLASS", "STAGE", "FINGERPRINT", "KEY", "REPLAYS", "MESSAGE")
    print_rows(columns, [(name, *_row(letter, state)) for name, letter, state in found])


@app.command()
def show(
    node: NodeName,
    place: Place,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with all of its fields."""
    settings = load_settings(services)
    contract, manager = manager_of(settings, node)
    filters = LetterFilter(places=frozenset({place}), states=frozenset())
    for letter, state in manager.find(filters):
        facts = exported(letter, state)
        if as_json:
            print_json(facts)
            return
        for name, value in facts.items():
            console.print(styled("[bold]{}[/]: ", name), indented(value), sep="")
        return
    raise CommandError(f"{contract.dead_letter_topic} has no dead letter at {place}")


@app.command()
@with_filters
def stats(wanted: LetterFilter, node: Node = "", services: Services = None, as_json: AsJson = False) -> None:
    """Count dead letters by cause and time. Exit code 1 above the alert threshold of a node."""
    settings = load_settings(services)
    letters: list[DeadLetter] = []
    above: list[tuple[ModelContract, int]] = []
    for contract, manager in managers_of(settings, node):
        of_node = [letter for letter, _ in manager.find(wanted)]
        letters += of_node
        if len(of_node) > contract.alert_threshold:
            above.append((contract, len(of_node)))
    groups = group_letters(letters)
    if as_json:
        print_json(
            [
                {
                    "node": g.node,
                    "class": g.failure_class,
                    "fingerprint": g.fingerprint,
                    "count": g.count,
                    "keys": g.keys,
                    "first": when(g.first_ms).isoformat(),
                    "last": when(g.last_ms).isoformat(),
                    "example": g.example,
                }
                for g in groups
            ]
        )
    else:
        columns = ("NODE", "CLASS", "FINGERPRINT", "COUNT", "KEYS", "FIRST", "LAST", "WHEN", "EXAMPLE")
        rows = [
            (
                g.node,
                g.failure_class,
                g.fingerprint,
                g.count,
                g.keys,
                *_span(g.first_ms, g.last_ms),
                g.histogram,
                g.example,
            )
            for g in groups
        ]
        print_rows(columns, rows)
    for contract, count in above:
        threshold = contract.alert_threshold
        errors.print(f"{contract.name}: {count} dead letters, more than its alert threshold of {threshold}")
    if above:
        raise typer.Exit(Exit.FAILED)


for _command in (replay, redirect, park, reopen, drop, edit, export, audit):
    app.command()(_command)


def _row(letter: DeadLetter, state: EnumLetterState) -> Iterator[object]:
    facts = letter.facts
    yield from (letter.place, state)
    yield from (facts.get(name, "") for name in ("class", "stage", "fingerprint"))
    yield from (letter.key, letter.replays, facts.get("message", "").partition("\n")[0][:100])


def _span(first_ms: int, last_ms: int) -> tuple[str, str]:
    first, last = when(first_ms), when(last_ms)
    form = "%H:%M:%S" if first.date() == last.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M"
    return first.strftime(form), last.strftime(form)
