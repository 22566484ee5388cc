"""Runs of declared workflows, from the changelogs of their orchestrators."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import resolve_all
from onex.cli.output import CommandError, when
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.errors import ConfigurationError, PoisonError
from onex.mesh import StateReader
from onex.model.message import Message
from onex.settings import Settings
from onex.workflow import WorkflowState


class FoundRun(NamedTuple):
    """A run of one orchestrator."""

    node: ResolvedNode
    state: WorkflowState
    timers: Mapping[str, int]
    """Due in milliseconds since 1970."""


class WorkflowRuns:
    """The runs of the orchestrators below the service folders."""

    def __init__(self, settings: Settings, node: str) -> None:
        """``node``: name of the only orchestrator; empty for all. Raise ConfigurationError without any."""
        nodes = [each for each in resolve_all(settings) if each.contract.workflow_coordination]
        self.nodes = [each for each in nodes if node in ("", each.contract.name)]
        """The orchestrators."""
        if not self.nodes:
            known = ", ".join(each.contract.name for each in nodes)
            remedy = f"there are: {known}" if known else "pass --services FOLDER"
            raise ConfigurationError(f"no declared workflow {node!r} below the service folders; {remedy}")
        self.bus = open_own_bus(settings)
        self.catalogue = open_catalogue(settings, self.bus)

    def find(self, key: str) -> FoundRun:
        """Return the run of a key. Raise CommandError without one, PoisonError for one that cannot be decoded."""
        unreadable: PoisonError | None = None
        for node in self.nodes:
            try:
                found = run_of(self._reader(node), key)
            except PoisonError as error:  # another orchestrator may have the workflow
                unreadable = error
                continue
            if found is not None:
                return FoundRun(node, *found)
        if unreadable is not None:
            raise unreadable
        raise CommandError(f"no workflow {key!r}; `onex workflows list` shows those of the last day")

    def of(self, node: ResolvedNode) -> Iterator[tuple[str, WorkflowState]]:
        """Yield the runs of an orchestrator with their keys."""
        return runs_of(self._reader(node))

    def is_open(self, node: ResolvedNode, key: str, start_id: str) -> bool:
        """Return whether the run that a command began is not over. Raise PoisonError when it cannot be decoded."""
        found = run_of(self._reader(node), key)
        return found is not None and not found[0].is_over and found[0].start_id == start_id

    def open_keys(self, node: ResolvedNode) -> Mapping[str, str]:
        """Return the keys of the runs of a node that are not over, with the ids of their commands."""
        return {key: state.start_id for key, state in self.of(node) if not state.is_over}

    def _reader(self, node: ResolvedNode) -> StateReader:
        return StateReader(self.bus, self.catalogue, node)


def runs_of(reader: StateReader) -> Iterator[tuple[str, WorkflowState]]:
    """Yield each run with its key. A state that cannot be decoded is skipped."""
    for key, state in reader.scan():
        if run := _run(state):
            yield key, run


def run_of(reader: StateReader, key: str) -> tuple[WorkflowState, Mapping[str, int]] | None:
    """Return the run of a key and its timers, due in milliseconds since 1970. Raise PoisonError as ``get`` does."""
    state, timers = reader.get(key)
    run = _run(state)
    return None if run is None else (run, timers)


def _run(state: Message | None) -> WorkflowState | None:
    match state:
        case WorkflowState():
            return state
        case _:
            return None


def brief(node: str, key: str, state: WorkflowState) -> dict[str, object]:
    """Return a run as a JSON object, without its steps."""
    done = sum(step.status in ("done", "skipped") for step in state.steps.values())
    running = [name for name, step in state.steps.items() if step.status == "running"]
    return {
        "workflow": key,
        "node": node,
        "version": state.version,
        "phase": state.phase,
        "started": began(state),
        "progress": f"{done}/{len(state.steps)}{' ' + ', '.join(running) if running else ''}",
        "reason": f"{state.failed_step}: {state.reason}".removeprefix(": "),
        "id": state.start_id,
    }


def began(state: WorkflowState) -> str:
    """Return when a run began."""
    return when(state.started_ms).isoformat(timespec="milliseconds")
