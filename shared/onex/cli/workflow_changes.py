"""``onex workflows cancel|rerun|retry``: changes one run, or all that match."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, NamedTuple

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.bus import open_own_bus
from onex.cli.dlq.managers import DryRun
from onex.cli.dlq.replay import Token, require_token
from onex.cli.inputs import moment_of
from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, errors, print_json, print_rows
from onex.cli.progress import Progress, interruptible
from onex.cli.workflow_runs import brief, run_of, runs_of
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.dlq import Author
from onex.dlq.run_changes import (
    BeginAt,
    RunChanger,
    RunFilter,
    SelectedRun,
    at_step,
    at_the_failed_step,
    rerun_id,
)
from onex.errors import ConfigurationError, PoisonError, RejectedError
from onex.mesh import StateReader
from onex.settings import Settings
from onex.util.printable import one_line

_SHOWN = 20
_LOOK_EVERY = 0.2

Key = Annotated[str, typer.Argument(help="Key of the workflow, e.g. the order id. Without it: all runs that match.")]
Node = Annotated[str, typer.Option("--node", help="Only runs of this orchestrator.")]
Step = Annotated[str, typer.Option("--step", help="Only runs that wait for this step, or that it has failed.")]
Version = Annotated[str, typer.Option("--version", help="Only runs that began with this version, e.g. 1.0.0.")]
Since = Annotated[str, typer.Option("--since", help="Began since 10m, 2h, 7d, or an ISO 8601 time.")]
Until = Annotated[str, typer.Option("--until", help="Began before; same forms as --since.")]
Everything = Annotated[bool, typer.Option("--all", help="Without any other filter: all runs.")]
Failure = Annotated[str, typer.Option("--failure", help="Only runs with this text in their reason.")]
RepeatSteps = Annotated[bool, typer.Option("--repeat-steps", help="Also runs with steps that could not be undone.")]
Most = Annotated[int, typer.Option("--max", min=1, help="Largest number of runs.")]


class _Of(NamedTuple):
    """Runs of one orchestrator."""

    node: ResolvedNode
    changer: RunChanger
    runs: list[SelectedRun]


class _Runs:
    """Finds the runs that a command names."""

    def __init__(self, settings: Settings, node: str, author: Author, authorization: str = "") -> None:
        self._nodes = [n for n in resolve_all(settings) if n.contract.workflow_coordination]
        if node:
            self._nodes = [n for n in self._nodes if n.contract.name == node]
        if not self._nodes:
            raise ConfigurationError(
                f"no declared workflow {node!r} below the service folders; pass --services FOLDER"
            )
        self._bus = open_own_bus(settings)
        self._catalogue = open_catalogue(settings, self._bus)
        self._settings, self._author, self._authorization = settings, author, authorization

    def one(self, key: str) -> _Of:
        """Return the run of a key. Raise CommandError without one, PoisonError for one that cannot be decoded."""
        unreadable: PoisonError | None = None
        for node in self._nodes:
            try:
                found = run_of(self._reader(node), key)
            except PoisonError as error:  # another orchestrator may have the workflow
                unreadable = error
                continue
            if found is not None:
                return self._of(node, [SelectedRun(key, found[0])])
        if unreadable is not None:
            raise unreadable
        raise CommandError(f"no workflow {key!r}; `onex workflows list` shows those of the last day")

    def matching(self, wanted: RunFilter, phases: frozenset[str], most: int) -> list[_Of]:
        """Return the runs that match, the oldest first."""
        found: list[_Of] = []
        for node in self._nodes:
            runs = [
                SelectedRun(key, state)
                for key, state in runs_of(self._reader(node))
                if state.phase in phases and wanted.matches(state)
            ]
            runs.sort(key=lambda run: run.state.started_ms)
            found.append(self._of(node, runs[: most - sum(len(of.runs) for of in found)]))
        return [of for of in found if of.runs]

    def open_keys(self, node: ResolvedNode) -> Mapping[str, str]:
        """Return the keys of the runs of a node that are not over, with the ids of their commands."""
        return {key: state.start_id for key, state in runs_of(self._reader(node)) if not state.is_over}

    def _of(self, node: ResolvedNode, runs: list[SelectedRun]) -> _Of:
        changer = RunChanger(self._bus, self._catalogue, node, self._author, self._settings.env, self._authorization)
        return _Of(node, changer, runs)

    def _reader(self, node: ResolvedNode) -> StateReader:
        return StateReader(self._bus, self._catalogue, node)


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
    wanted = _filter(key, step, "", version, since, until, everything=everything)
    runs = _Runs(load_settings(services), node, author_of(who, reason))
    if key:
        found = [runs.one(key)]
        if (phase := found[0].runs[0].state.phase) != "running":
            raise RejectedError(f"{key} is already {phase}")
    else:
        found = runs.matching(wanted, frozenset({"running"}), most)
    if dry_run:
        _print_plan("cancelled", found, {}, as_json)
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


def rerun(
    key: Key = "",
    node: Node = "",
    step: Step = "",
    failure: Failure = "",
    version: Version = "",
    since: Since = "",
    until: Until = "",
    everything: Everything = False,
    completed: Annotated[
        bool, typer.Option("--completed", help="Also runs that completed: everything is done again.")
    ] = False,
    repeat_steps: RepeatSteps = False,
    from_step: Annotated[
        str, typer.Option("--from", help="Begin at this step: steps that do not depend on it keep their results.")
    ] = "",
    most: Most = 1_000_000,
    token: Token = "",
    dry_run: DryRun = False,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Send the commands of workflows that have failed again, to their orchestrators only: each is a new run.

    An interrupted command continues when you run it again: no run is repeated twice.
    """
    _run_again(
        _Runs(load_settings(services), node, author_of(who, why), require_token(token)),
        key,
        _filter(key, step, failure, version, since, until, everything=everything),
        _Again(at_step(from_step), completed, repeat_steps, "run again"),
        most,
        dry_run=dry_run,
        as_json=as_json,
    )


def retry(
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
) -> None:
    """Try the failed step of workflows again, with the results of the steps before it: each is a new run.

    An interrupted command continues when you run it again: no run is repeated twice.
    """
    _run_again(
        _Runs(load_settings(services), node, author_of(who, why), require_token(token)),
        key,
        _filter(key, step, failure, version, since, until, everything=everything),
        _Again(at_the_failed_step, False, repeat_steps, "tried again"),
        most,
        dry_run=dry_run,
        as_json=as_json,
    )


class _Again(NamedTuple):
    """How runs are repeated."""

    begin_at: BeginAt
    completed: bool
    """Whether completed runs are repeated, too."""
    steps: bool
    """Whether steps are repeated that could not be undone."""
    what: str
    """What happens to a run, in words."""


def _run_again(
    runs: _Runs, key: str, wanted: RunFilter, again: _Again, most: int, *, dry_run: bool, as_json: bool
) -> None:
    phases = frozenset({"failed", "completed"} if again.completed else {"failed"})
    found = [runs.one(key)] if key else runs.matching(wanted, phases, most)
    chosen, refused = list[_Of](), dict[str, str]()
    for of in found:
        reasons = {
            run.key: of.changer.refusal(
                run, repeats_steps=again.steps, repeats_completed=again.completed, begin_at=again.begin_at
            )
            for run in of.runs
        }
        refused |= {refused_key: reason for refused_key, reason in reasons.items() if reason}
        chosen.append(of._replace(runs=[run for run in of.runs if not reasons[run.key]]))
    if key and refused:
        raise RejectedError(f"{key}: {refused[key]}")
    if dry_run:
        _print_plan(again.what, chosen, refused, as_json)
        return
    total = sum(len(of.runs) for of in chosen)
    show, done = Progress(total, is_shown=not as_json), 0
    with interruptible() as stopping:
        for of in chosen:
            show_of = partial(_show_more, show, done)
            done += of.changer.rerun(of.runs, stopping, show_of, begin_at=again.begin_at)
    stopped = "interrupted; run it again to continue" if done < total else ""
    if as_json:
        ids = {run.key: rerun_id(run.state) for of in chosen for run in of.runs}
        print_json(
            {"matching": total + len(refused), "rerun": done, "refused": refused, "ids": ids, "stopped": stopped}
        )
    else:
        console.print(f"{done} workflows {again.what}")
        _print_refused(refused)
        if stopped:
            errors.print(f"stopped: {stopped}")
    if stopped or refused:
        raise typer.Exit(Exit.FAILED)


def _filter(key: str, step: str, reason: str, version: str, since: str, until: str, *, everything: bool) -> RunFilter:
    wanted = RunFilter(step, reason, version, moment_of(since, "--since"), moment_of(until, "--until"))
    if key and (everything or not wanted.is_empty):
        raise typer.BadParameter("pass a key or filters, not both", param_hint="'KEY'")
    if not key and wanted.is_empty and not everything:
        raise typer.BadParameter("pass a key, a filter, or --all", param_hint="'KEY'")
    return wanted


def _await_ends(
    runs: _Runs, found: Sequence[_Of], timeout: float, stopping: Callable[[], bool], progress: Progress
) -> int:
    """Wait until the runs are over. Return the number of those that are not."""
    total, deadline = sum(len(of.runs) for of in found), time.monotonic() + timeout
    while True:
        left = 0
        for of in found:
            open_keys = runs.open_keys(of.node)
            left += sum(open_keys.get(run.key) == run.state.start_id for run in of.runs)
        progress(total - left)
        if not left or stopping() or time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_EVERY)


def _show_more(show: Progress, before: int, done: int) -> None:
    show(before + done)


def _print_plan(what: str, found: Sequence[_Of], refused: Mapping[str, str], as_json: bool) -> None:
    runs = [(of.node.contract.name, run) for of in found for run in of.runs]
    if as_json:
        print_json(
            {
                "matching": len(runs) + len(refused),
                "workflows": [brief(name, run.key, run.state) for name, run in runs],
                "refused": refused,
            }
        )
        return
    facts = ("workflow", "node", "version", "phase", "started", "progress", "reason")
    briefs = [brief(name, run.key, run.state) for name, run in runs[:_SHOWN]]
    print_rows([fact.upper() for fact in facts], [[each[fact] for fact in facts] for each in briefs])
    more = f", of which the oldest {_SHOWN} are shown" if len(runs) > _SHOWN else ""
    console.print(f"{len(runs)} workflows would be {what}{more}")
    _print_refused(refused)


def _print_refused(refused: Mapping[str, str]) -> None:
    by_reason: dict[str, list[str]] = {}
    for key, reason in refused.items():
        by_reason.setdefault(reason, []).append(key)
    for reason, keys in by_reason.items():
        errors.print(one_line(f"{len(keys)} stay as they are, {keys[0]} for example: {reason}"))


def _print_cancelled(runs: _Runs, found: Sequence[_Of], total: int, left: int, key: str, as_json: bool) -> None:
    if key and not left:
        of = runs.one(key)
        state = of.runs[0].state
        if as_json:
            print_json(brief(of.node.contract.name, key, state))
        else:
            console.print(
                one_line(f"{key} {state.phase}: {state.reason or 'it completed before the cancel command'}")
            )
    elif not key and as_json:
        print_json({"matching": total, "ended": total - left, "left": left})
    elif not key:
        console.print(f"{total - left} of {total} workflows have ended")
