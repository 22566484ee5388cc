"""``onex dlq``: look at dead letters, and send them back to the node that failed."""

import math
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.control import Control
from rich.segment import ControlType

from onex.cli import dlq_changes
from onex.cli.dlq_desk import Node, Who, Why, author_of, desk_of, desks
from onex.cli.dlq_filters import with_filters
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, errors, print_json, print_rows, when
from onex.cli.terminal import styled
from onex.dlq import DeadLetter, EnumLetterState, LetterFilter, ReplayOptions, ReplayReport, exported, group_letters
from onex.model.contract import ModelContract
from onex.util.printable import indented, one_line

app = typer.Typer(no_args_is_help=True, help="Dead letters: find, count, replay, park, drop, edit, export, audit.")
dlq_changes.add_to(app)

OneNode = Annotated[str, typer.Option("--node", help="The node whose dead letters are meant.")]


@app.command("list")
@with_filters
def list_letters(wanted: LetterFilter, node: Node = "", services: Services = None, as_json: AsJson = False) -> None:
    """List dead letters, oldest first; by default those that nobody has dealt with."""
    settings = load_settings(services)
    found = [
        (contract.name, letter, state)
        for contract, desk in desks(settings, node)
        for letter, state in desk.find(wanted)
    ]
    if as_json:
        print_json([exported(letter, state) for _, letter, state in found])
        return
    columns = ("NODE", "PLACE", "STATE", "CLASS", "STAGE", "FINGERPRINT", "KEY", "REPLAYS", "MESSAGE")
    print_rows(columns, [(name, *_row(letter, state)) for name, letter, state in found])


@app.command()
def show(
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    place: Annotated[str, typer.Argument(help="PARTITION:OFFSET, as `onex dlq list` prints it.")],
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with everything that is known of it."""
    settings = load_settings(services)
    contract, desk = desk_of(settings, node)
    anywhere = LetterFilter(places=frozenset({place}), states=frozenset())
    for letter, state in desk.find(anywhere):
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
    """Count dead letters by cause, and show when they came; exit code 1 above a node's alert threshold."""
    settings = load_settings(services)
    letters: list[DeadLetter] = []
    above: list[tuple[ModelContract, int]] = []
    for contract, desk in desks(settings, node):
        mine = [letter for letter, _ in desk.find(wanted)]
        letters += mine
        if len(mine) > contract.alert_threshold:
            above.append((contract, len(mine)))
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


@app.command("replay")
@with_filters
def replay_letters(
    wanted: LetterFilter,
    node: OneNode,
    most: Annotated[int, typer.Option("--max", min=1, help="At most that many.")] = 1_000_000,
    rate: Annotated[str, typer.Option("--rate", help="At most so many a second: 50/s.")] = "",
    abort_above: Annotated[
        float, typer.Option("--abort-above", min=0, max=1, help="Stop when more than this share fails again.")
    ] = 1.0,
    token: Annotated[
        str,
        typer.Option(
            "--authorization-from",
            help="Environment variable with the header `authorization` of the replays: dead letters keep none.",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would be done.")] = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the node that failed, and to no other group, in the order they came.

    Interrupted and run again it goes on where it stopped; nothing is sent twice.
    """
    per_second = _rate(rate)
    if token and not os.environ.get(token):
        raise typer.BadParameter(f"{token} is not set", param_hint="'--authorization-from'")
    settings = load_settings(services)
    contract, desk = desk_of(settings, node, author_of(who, why))
    letters = sorted((letter for letter, _ in desk.find(wanted)), key=lambda letter: letter.order)[:most]
    if dry_run:
        _tell_plan(contract, letters, as_json)
        return
    stopping = list[int]()
    before = {s: signal.signal(s, lambda number, _: stopping.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    began = time.monotonic()

    def progress(report: ReplayReport) -> None:
        if not as_json and len(letters) > 1000 and errors.is_terminal:
            done = report.replayed + report.parked
            errors.print(f"{done} of {len(letters)}, {done / (time.monotonic() - began):.0f}/s", end="")
            errors.control(Control(ControlType.CARRIAGE_RETURN))

    try:
        options = ReplayOptions(per_second, most, abort_above, os.environ.get(token, ""))
        report = desk.replay(letters, options, lambda: bool(stopping), progress)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _tell_report(contract, report, as_json)
    if report.stopped:
        raise typer.Exit(Exit.FAILED)


def _tell_plan(contract: ModelContract, letters: list[DeadLetter], as_json: bool) -> None:
    limit = contract.error_handling.dead_letter.park_after
    parked = sum(letter.replays >= limit for letter in letters)
    going = len(letters) - parked
    if as_json:
        facts = {
            "node": contract.name,
            "matching": len(letters),
            "replayed": 0,
            "would_replay": going,
            "would_park": parked,
        }
        print_json(facts)
        return
    keys = list(dict.fromkeys(letter.key for letter in letters))
    shown = f", keys {keys[0]} ... {keys[-1]}" if len(keys) > 1 else f", key {keys[0]}" if keys else ""
    console.print(one_line(f"{going} dead letters would go to {contract.name} only, oldest first{shown}"))
    if parked:
        console.print(f"{parked} would be parked: replayed {limit} times already")
    for group in group_letters(letters):
        words = map(one_line, (group.failure_class, group.fingerprint, group.histogram, group.example))
        console.print(f"  {group.count:>6}", *words)


def _tell_report(contract: ModelContract, report: ReplayReport, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "node": contract.name,
                "matching": report.matching,
                "replayed": report.replayed,
                "parked": report.parked,
                "failed_again": report.failed_again,
                "stopped": report.stopped,
            }
        )
        return
    console.print(f"{report.replayed} dead letters went to {contract.name} only, by {contract.retry_topic}")
    if report.parked:
        console.print(f"{report.parked} parked: replayed too often; `onex dlq reopen` takes them back")
    if report.stopped:
        errors.print(f"stopped: {report.stopped}")


def _rate(text: str) -> float:
    number = text.removesuffix("/s")
    try:
        rate = float(number) if number else 0.0
    except ValueError:
        rate = -1.0
    if not 0 <= rate < math.inf:
        raise typer.BadParameter(f"{text!r} is not of the form 50/s", param_hint="'--rate'")
    return rate


def _row(letter: DeadLetter, state: EnumLetterState) -> Iterator[object]:
    facts = letter.facts
    yield from (letter.place, state)
    yield from (facts.get(name, "") for name in ("class", "stage", "fingerprint"))
    yield from (letter.key, letter.replays, facts.get("message", "").partition("\n")[0][:100])


def _span(first_ms: int, last_ms: int) -> tuple[str, str]:
    first, last = when(first_ms), when(last_ms)
    form = "%H:%M:%S" if first.date() == last.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M"
    return first.strftime(form), last.strftime(form)
