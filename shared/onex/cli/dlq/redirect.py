"""``onex dlq redirect``: sends dead letters to another node, or to another version of their message."""

from collections import Counter
from typing import Annotated

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.bus import open_own_bus
from onex.cli.dlq.filters import with_filters
from onex.cli.dlq.managers import DryRun, OneNode, find_source
from onex.cli.dlq.replay import Token, rate_of, require_token
from onex.cli.inputs import pairs
from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.progress import Progress, interruptible
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import DeadLetter, LetterFilter
from onex.dlq.redirect import RedirectOptions, Redirector, RedirectReport
from onex.dlq.redirect_source import LetterSource
from onex.errors import RejectedError
from onex.util.printable import indented, one_line

_MOST_REASONS = 20


@with_filters
def redirect(
    wanted: LetterFilter,
    node: OneNode,
    to: Annotated[str, typer.Option("--to", help="Name of the node that gets the messages.")],
    major: Annotated[
        int,
        typer.Option(
            "--major",
            min=0,
            help="Major version of --node. Default: that of its newest contract; 1 where it has none any more.",
        ),
    ] = 0,
    into: Annotated[
        str,
        typer.Option("--into", help="Input topic of --to. Default: the letter's, or another version of it."),
    ] = "",
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="PATH=VALUE, as in `onex dlq edit`. Repeatable.")
    ] = None,
    unset: Annotated[list[str] | None, typer.Option("--unset", help="PATH to remove. Repeatable.")] = None,
    most: Annotated[int, typer.Option("--max", min=1, help="Largest number of dead letters.")] = 1_000_000,
    rate: Annotated[str, typer.Option("--rate", help="Largest number per second, e.g. 50/s.")] = "",
    token: Token = "",
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to another node, or to another version of their message: a renamed node, v1 to v2.

    Each payload must fit the input of --to, after --set and --unset; letters that do not fit stay open. An
    interrupted redirect continues when you run it again. No dead letter is sent twice.
    """
    options = RedirectOptions(into, pairs(changes, "--set"), unset or (), rate_of(rate), require_token(token))
    settings = load_settings(services)
    bus = open_own_bus(settings)
    source = find_source(node, major, settings)
    target = resolve_node(find_node(to, settings), settings.topic_prefix)
    redirector = Redirector(bus, open_catalogue(settings, bus), source, target, author_of(who, why), options)
    letters = sorted(redirector.find(wanted), key=lambda letter: letter.order)[:most]
    name = target.contract.name
    if dry_run:
        _print_plan(redirector, source, name, letters, as_json)
        return
    with interruptible() as stopping:
        report = redirector.run(letters, stopping, Progress(len(letters), is_shown=not as_json))
    _print_report(report, source, name, len(letters), as_json)
    if report.stopped or report.refused:
        raise typer.Exit(Exit.FAILED)


def _print_plan(
    redirector: Redirector, source: LetterSource, target: str, letters: list[DeadLetter], as_json: bool
) -> None:
    topics, refused = Counter[str](), Counter[str]()
    example = ""
    for letter in letters:
        try:
            prepared = redirector.prepare(letter)
        except RejectedError as error:
            refused[str(error)] += 1
            continue
        topics[prepared.into] += 1
        example = example or prepared.difference
    if as_json:
        print_json(
            {
                "node": source.node,
                "to": target,
                "matching": len(letters),
                "redirected": 0,
                "would_redirect": dict(topics),
                "refused": dict(refused),
                "difference": example,
            }
        )
        return
    for topic, count in topics.items():
        console.print(f"{count} dead letters of {source.node} would go to {target} only, as {topic}, oldest first")
    if example:
        console.print(f"the first payload that changes:\n    {indented(example)}")
    _print_refused(refused)
    if not letters:
        console.print(f"no dead letter of {source.node} matches")


def _print_refused(refused: Counter[str]) -> None:
    for reason, count in refused.most_common(_MOST_REASONS):
        errors.print(f"{count} stay as they are: {one_line(reason)}")


def _print_report(report: RedirectReport, source: LetterSource, target: str, matching: int, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "node": source.node,
                "to": target,
                "matching": matching,
                "redirected": report.redirected,
                "refused": dict(report.refused),
                "stopped": report.stopped,
            }
        )
        return
    console.print(f"{report.redirected} dead letters of {source.node} went to {target} only")
    _print_refused(report.refused)
    if report.stopped:
        errors.print(f"stopped: {report.stopped}")
