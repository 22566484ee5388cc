"""Which runs of workflows a command changes, and how they are shown."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from onex.cli.bus import open_own_bus
from onex.cli.inputs import moment_of
from onex.cli.node_lookup import resolve_all
from onex.cli.output import CommandError, console, errors, print_json, print_rows
from onex.cli.workflow_runs import brief, run_of, runs_of
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.dlq import Author
from onex.dlq.run_changes import RunChanger, RunFilter, SelectedRun
from onex.errors import ConfigurationError, PoisonError
from onex.mesh import StateReader
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
Most = Annotated[int, typer.Option("--max", min=1, help="Largest number of runs.")]


class RunsOfNode(NamedTuple):
    """Runs of one orchestrator."""

    node: ResolvedNode
    changer: RunChanger
    runs: list[SelectedRun]


class WorkflowRuns:
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

    def one(self, key: str) -> RunsOfNode:
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

    def matching(self, wanted: RunFilter, phases: frozenset[str], most: int) -> list[RunsOfNode]:
        """Return the runs that match, the oldest first."""
        found: list[RunsOfNode] = []
        for node in self._nodes:
            runs = [
                SelectedRun(key, state)
                for key, state in runs_of(self._reader(node))
                if state.phase in phases and wanted.matches(state)
            ]
            runs.sort(key=lambda run: run.state.started_ms)
            found.append(self._of(node, runs[: most - sum(len(of.runs) for of in found)]))
        return [of for of in found if of.runs]

    def is_open(self, node: ResolvedNode, run: SelectedRun) -> bool:
        """Return whether a run is not over. Raise PoisonError when it cannot be decoded."""
        found = run_of(self._reader(node), run.key)
        return found is not None and not found[0].is_over and found[0].start_id == run.state.start_id

    def open_keys(self, node: ResolvedNode) -> Mapping[str, str]:
        """Return the keys of the runs of a node that are not over, with the ids of their commands."""
        return {key: state.start_id for key, state in runs_of(self._reader(node)) if not state.is_over}

    def _of(self, node: ResolvedNode, runs: list[SelectedRun]) -> RunsOfNode:
        changer = RunChanger(self._bus, self._catalogue, node, self._author, self._settings.env, self._authorization)
        return RunsOfNode(node, changer, runs)

    def _reader(self, node: ResolvedNode) -> StateReader:
        return StateReader(self._bus, self._catalogue, node)


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
