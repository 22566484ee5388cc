"""``onex dlq replay``: sends dead letters back to the node that failed."""

import math
import os
from typing import Annotated

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.dlq.filters import with_filters
from onex.cli.dlq.managers import DryRun, OneNode, manager_of
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.progress import Progress, interruptible
from onex.dlq import DeadLetter, LetterFilter, ReplayOptions, ReplayReport, group_letters
from onex.model.contract import ModelContract
from onex.util.printable import one_line

Token = Annotated[
    str,
    typer.Option(
        "--authorization-from",
        help="Environment variable with the `authorization` header of the replays. Dead letters do not store it.",
    ),
]


@with_filters
def replay(
    wanted: LetterFilter,
    node: OneNode,
    most: Annotated[int, typer.Option("--max", min=1, help="Largest number of dead letters to replay.")] = 1_000_000,
    rate: Annotated[str, typer.Option("--rate", help="Largest number per second, e.g. 50/s.")] = "",
    abort_above: Annotated[
        float, typer.Option("--abort-above", min=0, max=1, help="Stop when a larger share than this fails again.")
    ] = 1.0,
    token: Token = "",
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the node that failed, and to no other group, in their original order.

    An interrupted replay continues when you run it again. No dead letter is sent twice.
    """
    per_second, authorization = rate_of(rate), require_token(token)
    settings = load_settings(services)
    contract, manager = manager_of(settings, node, author_of(who, why))
    letters = sorted((letter for letter, _ in manager.find(wanted)), key=lambda letter: letter.order)[:most]
    if dry_run:
        _print_plan(contract, letters, as_json)
        return
    show = Progress(len(letters), is_shown=not as_json)
    with interruptible() as stopping:
        options = ReplayOptions(per_second, most, abort_above, authorization)
        report = manager.replay(letters, options, stopping, lambda so_far: show(so_far.replayed + so_far.parked))
    _print_report(contract, report, as_json)
    if report.stopped:
        raise typer.Exit(Exit.FAILED)


def _print_plan(contract: ModelContract, letters: list[DeadLetter], as_json: bool) -> None:
    limit = contract.error_handling.dead_letter.park_after
    parked = sum(letter.replays >= limit for letter in letters)
    replayed = len(letters) - parked
    if as_json:
        facts = {
            "node": contract.name,
            "matching": len(letters),
            "replayed": 0,
            "would_replay": replayed,
            "would_park": parked,
        }
        print_json(facts)
        return
    keys = list(dict.fromkeys(letter.key for letter in letters))
    shown = f", keys {keys[0]} ... {keys[-1]}" if len(keys) > 1 else f", key {keys[0]}" if keys else ""
    console.print(one_line(f"{replayed} dead letters would go to {contract.name} only, oldest first{shown}"))
    if parked:
        console.print(f"{parked} would be parked: replayed {limit} times already")
    for group in group_letters(letters):
        words = map(one_line, (group.failure_class, group.fingerprint, group.histogram, group.example))
        console.print(f"  {group.count:>6}", *words)


def _print_report(contract: ModelContract, report: ReplayReport, as_json: bool) -> None:
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


def require_token(variable: str) -> str:
    """Return the value of an environment variable; empty for no variable. Raise BadParameter where it is not set."""
    if variable and not os.environ.get(variable):
        raise typer.BadParameter(f"{variable} is not set", param_hint="'--authorization-from'")
    return os.environ.get(variable, "")


def rate_of(text: str) -> float:
    """Return the letters per second of ``50/s``; 0 for no limit. Raise BadParameter."""
    number = text.removesuffix("/s")
    try:
        rate = float(number) if number else 0.0
    except ValueError:
        rate = -1.0
    if not 0 <= rate < math.inf:
        raise typer.BadParameter(f"{text!r} is not of the form 50/s", param_hint="'--rate'")
    return rate
