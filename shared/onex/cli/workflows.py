"""``onex workflows``: lists and shows runs of declared workflows."""

from collections.abc import Mapping
from typing import Annotated, Literal

import typer

from onex.bus.protocols import ProtocolEventBus
from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, console, errors, print_json, print_rows
from onex.cli.terminal import styled
from onex.cli.workflow_cancel import cancel
from onex.cli.workflow_drawing import waits_for
from onex.cli.workflow_repeat import rerun, retry
from onex.cli.workflow_runs import began, brief, run_of, runs_of
from onex.cli.workflow_version import missing_version_text, version_of_run
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.errors import ConfigurationError, PoisonError
from onex.mesh import StateReader
from onex.schema import ProtocolSchemaCatalogue
from onex.settings import Settings
from onex.workflow import StepState, WorkflowState

app = typer.Typer(no_args_is_help=True, help="List, show, cancel, rerun and retry runs of declared workflows.")

Node = Annotated[str, typer.Option("--node", help="Only runs of this orchestrator.")]
Key = Annotated[str, typer.Argument(help="Key of the workflow, e.g. the order id.")]


@app.command("list")
def list_workflows(
    phase: Annotated[
        Literal["running", "compensating", "completed", "failed", ""], typer.Option(help="Only in this phase.")
    ] = "",
    node: Node = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """List workflows that run, or that ended within the last day."""
    mesh = _Workflows(load_settings(services))
    found = [
        brief(name, key, state)
        for orchestrator in mesh.orchestrators(node)
        for name, key, state in mesh.scan(orchestrator)
        if phase in ("", state.phase)
    ]
    if as_json:
        print_json(found)
        return
    columns = ("WORKFLOW", "NODE", "VERSION", "PHASE", "STARTED", "STEPS", "REASON")
    facts = ("workflow", "node", "version", "phase", "started", "progress", "reason")
    print_rows(columns, [[run[name] for name in facts] for run in found])


@app.command()
def show(key: Key, node: Node = "", services: Services = None, as_json: AsJson = False) -> None:
    """Show one workflow: its command, its steps and its end."""
    mesh = _Workflows(load_settings(services))
    orchestrator, state, timers = mesh.find_with_timers(key, node)
    version = version_of_run(orchestrator, state)
    waiting = {} if version is None else waits_for(version.contract, state, timers)
    if as_json:
        more = {"waits_for": waiting, "timers": dict(timers)}
        print_json({**brief(orchestrator.contract.name, key, state), **state.model_dump(mode="json"), **more})
        return
    facts = (orchestrator.contract.name, state.phase, began(state))
    console.print(styled("[bold]{}[/]  {}  {}  started {}", key, *facts))
    console.print(styled("[dim]version[/]     {}", state.version or "unknown"))
    console.print(styled("[dim]command[/]     {}", state.command))
    console.print(styled("[dim]id[/]          {}", state.start_id))
    rows = [
        (
            name,
            step.status,
            step.attempts or "",
            waiting.get(name) or step.problem or ", ".join(step.results) or _doubt(step),
        )
        for name, step in state.steps.items()
    ]
    print_rows(("STEP", "STATUS", "ATTEMPTS", "RESULT, OR WHAT IT WAITS FOR"), rows)
    if "" in waiting:
        console.print(styled("[dim]until[/]       {}", waiting[""]))
    if version is None and not state.is_over:
        errors.print(missing_version_text(orchestrator, state))
    if state.reason:
        console.print(styled("[red]failed[/]  {}: {}", state.failed_step or "workflow", state.reason))
    if state.finished_by:
        console.print(styled("[dim]completion[/]  {}", state.finished_by))


for _command in (cancel, rerun, retry):
    app.command()(_command)


class _Workflows:
    def __init__(self, settings: Settings) -> None:
        self._nodes = [node for node in resolve_all(settings) if node.contract.workflow_coordination]
        self._bus: ProtocolEventBus = open_own_bus(settings)
        self._catalogue: ProtocolSchemaCatalogue = open_catalogue(settings, self._bus)

    def orchestrators(self, name: str) -> list[ResolvedNode]:
        found = [node for node in self._nodes if name in ("", node.contract.name)]
        if not found:
            known = ", ".join(node.contract.name for node in self._nodes) or "none"
            raise ConfigurationError(f"no declared workflow {name!r}; there are: {known}")
        return found

    def scan(self, node: ResolvedNode) -> list[tuple[str, str, WorkflowState]]:
        reader = StateReader(self._bus, self._catalogue, node)
        return [(node.contract.name, key, run) for key, run in runs_of(reader)]

    def find(self, key: str, name: str) -> tuple[ResolvedNode, WorkflowState]:
        node, state, _ = self.find_with_timers(key, name)
        return node, state

    def find_with_timers(self, key: str, name: str) -> tuple[ResolvedNode, WorkflowState, Mapping[str, int]]:
        unreadable: PoisonError | None = None
        for node in self.orchestrators(name):
            try:
                found = run_of(StateReader(self._bus, self._catalogue, node), key)
            except PoisonError as error:  # another orchestrator may have the workflow
                unreadable = error
                continue
            if found is not None:
                return node, *found
        if unreadable is not None:
            raise unreadable
        raise CommandError(f"no workflow {key!r}; `onex workflows list` shows those of the last day")


def _doubt(step: StepState) -> str:
    return "may have happened" if step.maybe_done else ""
