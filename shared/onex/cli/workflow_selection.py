"""Which runs of workflows a command changes, and how they are shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from onex.cli.inputs import moment_of
from onex.cli.output import console, errors, print_json, print_rows
from onex.cli.workflow_runs import WorkflowRuns, brief
from onex.contract import ResolvedNode
from onex.dlq import Author
from onex.dlq.run_changes import RunChanger, RunFilter, SelectedRun
from onex.settings import Settings
from onex.util.printable import one_line

_SHOWN = 20

Key = Annotated[str, typer.Argument(help="Key of the workflow, e.g. the order id. Without it: all runs that match.")]
Node = Annotated[str, typer.Option("--node", help="Only runs of this orchestrator.")]
Step = Annotated[str, typer.Option("--step", help="Only runs that wait for this step, or that it has failed.")]
Version = Annotated[str, typer.Option("--version", help="Only runs that began with this version, e.g. 1.0.0.")]
Since = Annotated[str, typer.Option("--since", help="Began since 10m, 2h, 7d, or an ISO 8601 time.")]
Until = Annotated[str, typer.Option("--until", help="Began before; same forms as --since.")]
Everything = Annotated[bool, typer.Option("--all", help="Without any other filter: all runs.")]
Most = Annotated[int, typer.Option("--max", min=1, help="Largest number of runs: the oldest that can be changed.")]


class RunsOfNode(NamedTuple):
    """Runs of one orchestrator."""

    node: ResolvedNode
    changer: RunChanger
    runs: list[SelectedRun]


class ChangeableRuns:
    """Finds the runs that a command changes."""

    def __init__(self, settings: Settings, node: str, author: Author, authorization: str = "") -> None:
        self.runs = WorkflowRuns(settings, node)
        self._settings, self._author, self._authorization = settings, author, authorization

    def one(self, key: str) -> RunsOfNode:
        """Return the run of a key. Raise CommandError without one, PoisonError for one that cannot be decoded."""
        found = self.runs.find(key)
        return RunsOfNode(found.node, self._changer(found.node), [SelectedRun(key, found.state)])

    def matching(self, wanted: RunFilter, phases: frozenset[str]) -> list[RunsOfNode]:
        """Return the runs that match, by orchestrator."""
        found: list[RunsOfNode] = []
        for node in self.runs.nodes:
            states = self.runs.of(node)
            matching = [(key, state) for key, state in states if state.phase in phases and wanted.matches(state)]
            runs = [SelectedRun(key, state) for key, state in matching]
            found.append(RunsOfNode(node, self._changer(node), runs))
        return found

    def _changer(self, node: ResolvedNode) -> RunChanger:
        runs = self.runs
        return RunChanger(runs.bus, runs.catalogue, node, self._author, self._settings.env, self._authorization)


def oldest(
    found: Sequence[RunsOfNode], most: int, refusal: Callable[[RunsOfNode, SelectedRun], str] = lambda *_: ""
) -> tuple[list[RunsOfNode], dict[str, str]]:
    """Return the oldest ``most`` runs of all orchestrators, and why runs that are as old stay as they are, by key.

    ``refusal`` returns why a run does not count; empty when it does.
    """
    chosen: dict[int, list[SelectedRun]] = {at: [] for at in range(len(found))}
    refused: dict[str, str] = {}
    left = most
    by_age = sorted(
        (run.state.started_ms, at, number) for at, of in enumerate(found) for number, run in enumerate(of.runs)
    )
    for _, at, number in by_age:
        if not left:
            break
        run = found[at].runs[number]
        if reason := refusal(found[at], run):
            refused[run.key] = reason
            continue
        chosen[at].append(run)
        left -= 1
    return [found[at]._replace(runs=runs) for at, runs in chosen.items() if runs], refused


def run_filter(
    key: str, step: str, reason: str, version: str, since: str, until: str, *, everything: bool
) -> RunFilter:
    wanted = RunFilter(step, reason, version, moment_of(since, "--since"), moment_of(until, "--until"))
    if key and (everything or not wanted.is_empty):
        raise typer.BadParameter("pass a key or filters, not both", param_hint="'KEY'")
    if not key and wanted.is_empty and not everything:
        raise typer.BadParameter("pass a key, a filter, or --all", param_hint="'KEY'")
    return wanted


def print_plan(what: str, found: Sequence[RunsOfNode], refused: Mapping[str, str], as_json: bool) -> None:
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
    print_refused(refused)


def print_refused(refused: Mapping[str, str]) -> None:
    by_reason: dict[str, list[str]] = {}
    for key, reason in refused.items():
        by_reason.setdefault(reason, []).append(key)
    for reason, keys in by_reason.items():
        errors.print(one_line(f"{len(keys)} stay as they are, {keys[0]} for example: {reason}"))
