"""``onex workflows rerun|retry``: begins one run again, or all that match."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.dlq.managers import DryRun
from onex.cli.dlq.replay import Token, require_token
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.progress import Progress, interruptible
from onex.cli.shared_options import with_options
from onex.cli.workflow_selection import (
    ChangeableRuns,
    Everything,
    Key,
    Most,
    Node,
    RunsOfNode,
    Since,
    Step,
    Until,
    Version,
    oldest,
    print_plan,
    print_refused,
    run_filter,
)
from onex.dlq import Author
from onex.dlq.run_changes import BeginAt, RunFilter, SelectedRun, at_step, at_the_failed_step, rerun_id
from onex.errors import RejectedError

Failure = Annotated[str, typer.Option("--failure", help="Only runs with this text in their reason.")]
RepeatSteps = Annotated[bool, typer.Option("--repeat-steps", help="Also runs with steps that could not be undone.")]


@dataclass(frozen=True, slots=True)
class Repetition:
    """The options that both commands have."""

    key: str
    node: str
    filter: RunFilter
    repeat_steps: bool
    most: int
    author: Author
    token: str
    dry_run: bool
    services: list[Path] | None
    as_json: bool


def _repetition(
    key: Key = "",
    node: Node = "",
    step: Step = "",
    failure: Failure = "",
    version: Version = "",
    since: Since = "",
    until: Until = "",
    everything: Everything = False,
    repeat_steps: RepeatSteps = False,
    most: Most = 1_000_000,
    token: Token = "",
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> Repetition:
    wanted = run_filter(key, step, failure, version, since, until, everything=everything)
    return Repetition(
        key,
        node,
        wanted,
        repeat_steps,
        most,
        author_of(who, why),
        require_token(token),
        dry_run,
        services,
        as_json,
    )


@with_options(_repetition, "wanted")
def rerun(
    wanted: Repetition,
    completed: Annotated[
        bool, typer.Option("--completed", help="Also runs that completed: everything is done again.")
    ] = False,
    from_step: Annotated[
        str, typer.Option("--from", help="Begin at this step: steps that do not depend on it keep their results.")
    ] = "",
) -> None:
    """Send the commands of workflows that have failed again, to their orchestrators only: each is a new run.

    An interrupted command continues when you run it again: no run is repeated twice.
    """
    _run_again(wanted, at_step(from_step), "run again", completed=completed)


@with_options(_repetition, "wanted")
def retry(wanted: Repetition) -> None:
    """Try the failed step of workflows again, with the results of the steps before it: each is a new run.

    An interrupted command continues when you run it again: no run is repeated twice.
    """
    _run_again(wanted, at_the_failed_step, "tried again")


def _run_again(wanted: Repetition, begin_at: BeginAt, what: str, *, completed: bool = False) -> None:
    """Repeat runs from a step. ``what`` happens to a run, in words; ``completed``: also runs that completed."""
    runs = ChangeableRuns(load_settings(wanted.services), wanted.node, wanted.author, wanted.token)
    phases = frozenset({"failed", "completed"} if completed else {"failed"})

    def refusal(of: RunsOfNode, run: SelectedRun) -> str:
        return of.changer.refusal(
            run, repeats_steps=wanted.repeat_steps, repeats_completed=completed, begin_at=begin_at
        )

    found = [runs.one(wanted.key)] if wanted.key else runs.matching(wanted.filter, phases)
    chosen, refused = oldest(found, wanted.most, refusal)
    if wanted.key and refused:
        raise RejectedError(f"{wanted.key}: {refused[wanted.key]}")
    if wanted.dry_run:
        print_plan(what, chosen, refused, wanted.as_json)
        return
    total = sum(len(of.runs) for of in chosen)
    show, done = Progress(total, is_shown=not wanted.as_json), 0
    with interruptible() as stopping:
        for of in chosen:
            show_of = partial(_show_more, show, done)
            done += of.changer.rerun(of.runs, stopping, show_of, begin_at=begin_at)
    stopped = "interrupted; run it again to continue" if done < total else ""
    if wanted.as_json:
        ids = {run.key: rerun_id(run.state) for of in chosen for run in of.runs}
        print_json(
            {"matching": total + len(refused), "rerun": done, "refused": refused, "ids": ids, "stopped": stopped}
        )
    else:
        console.print(f"{done} workflows {what}")
        print_refused(refused)
        if stopped:
            errors.print(f"stopped: {stopped}")
    if stopped or refused:
        raise typer.Exit(Exit.FAILED)


def _show_more(show: Progress, before: int, done: int) -> None:
    show(before + done)
