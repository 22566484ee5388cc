"""Runs of a declared workflow, from the changelog of its orchestrator."""

from collections.abc import Iterator, Mapping

from onex.cli.output import when
from onex.mesh import StateReader
from onex.model.message import Message
from onex.workflow import WorkflowState


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
