"""``onex workflows``: lists and shows runs of declared workflows."""

from typing import Annotated, Literal

import typer

from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, errors, print_json, print_rows
from onex.cli.terminal import styled
from onex.cli.workflow_cancel import cancel
from onex.cli.workflow_drawing import waits_for
from onex.cli.workflow_repeat import rerun, retry
from onex.cli.workflow_runs import WorkflowRuns, began, brief
from onex.cli.workflow_version import missing_version_text, version_of_run
from onex.workflow import StepState

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
    runs = WorkflowRuns(load_settings(services), node)
    found = [
        brief(orchestrator.contract.name, key, state)
        for orchestrator in runs.nodes
        for key, state in runs.of(orchestrator)
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
    orchestrator, state, timers = WorkflowRuns(load_settings(services), node).find(key)
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


def _doubt(step: StepState) -> str:
    return "may have happened" if step.maybe_done else ""
