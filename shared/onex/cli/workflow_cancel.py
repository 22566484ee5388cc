"""``onex workflows cancel``: cancels one run, or all that match, and waits for their ends."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from onex.cli.author import Who, author_of
from onex.cli.dlq.managers import DryRun
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, print_json
from onex.cli.progress import Progress, interruptible
from onex.cli.workflow_runs import WorkflowRuns, brief
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
    run_filter,
)
from onex.errors import RejectedError
from onex.util.printable import one_line

_LOOK_EVERY = 0.2


def cancel(
    key: Key = "",
    reason: Annotated[str, typer.Option(help="Reason in the failure event.")] = "cancelled",
    node: Node = "",
    step: Step = "",
    version: Version = "",
    since: Since = "",
    until: Until = "",
    everything: Everything = False,
    most: Most = 1_000_000,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the ends of the workflows.")] = 15.0,
    dry_run: DryRun = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Cancel running workflows: they fail, and their completed steps are compensated. Wait until they have ended.

    An interrupted command continues when you run it again.
    """
    wanted = run_filter(key, step, "", version, since, until, everything=everything)
    changeable = ChangeableRuns(load_settings(services), node, author_of(who, reason))
    runs = changeable.runs
    if key:
        found = [changeable.one(key)]
        if (phase := found[0].runs[0].state.phase) != "running":
            raise RejectedError(f"{key} is already {phase}")
    else:
        found, _ = oldest(changeable.matching(wanted, frozenset({"running"})), most)
    if dry_run:
        print_plan("cancelled", found, {}, as_json)
        return
    total = sum(len(of.runs) for of in found)
    with interruptible() as stopping:
        for of in found:
            of.changer.cancel(of.runs, reason, stopping)
        left = _await_ends(runs, found, timeout, stopping, Progress(total, is_shown=not as_json)) if total else 0
        is_interrupted = stopping()
    _print_cancelled(runs, found, total, left, key, as_json)
    if left and is_interrupted:
        raise CommandError(f"interrupted: {left} of {total} workflows have not ended; run it again to continue")
    if left:
        names = ", ".join(of.node.contract.name for of in found)
        words = f"{key or f'{left} of {total} workflows'} still run after {timeout:g} s; is {names} running?"
        raise CommandError(one_line(words), Exit.TIMEOUT)


def _await_ends(
    runs: WorkflowRuns, found: Sequence[RunsOfNode], timeout: float, stopping: Callable[[], bool], progress: Progress
) -> int:
    """Wait until the runs are over. Return the number of those that are not."""
    total, deadline = sum(len(of.runs) for of in found), time.monotonic() + timeout
    while True:
        left = _count_open(runs, found, total)
        progress(total - left)
        if not left or stopping() or time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_EVERY)


def _count_open(runs: WorkflowRuns, found: Sequence[RunsOfNode], total: int) -> int:
    """Return the number of runs that are not over. One run is read alone, several with all of their node."""
    if total == 1:
        return sum(runs.is_open(of.node, run.key, run.state.start_id) for of in found for run in of.runs)
    left = 0
    for of in found:
        open_keys = runs.open_keys(of.node)
        left += sum(open_keys.get(run.key) == run.state.start_id for run in of.runs)
    return left


def _print_cancelled(
    runs: WorkflowRuns, found: Sequence[RunsOfNode], total: int, left: int, key: str, as_json: bool
) -> None:
    if key and not left:
        node, state, _ = runs.find(key)
        if as_json:
            print_json(brief(node.contract.name, key, state))
        else:
            console.print(
                one_line(f"{key} {state.phase}: {state.reason or 'it completed before the cancel command'}")
            )
    elif not key and as_json:
        print_json({"matching": total, "ended": total - left, "left": left})
    elif not key:
        console.print(f"{total - left} of {total} workflows have ended")
