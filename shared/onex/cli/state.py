"""``onex state``: shows, drops, rebuilds and restores the state of a node."""

from typing import Annotated

import typer

from onex.cli.bus import open_bus
from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, console, print_json, when
from onex.cli.state_changes import drop, rebuild
from onex.cli.state_checkpoints import app as checkpoints
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.mesh import StateReader

app = typer.Typer(
    no_args_is_help=True, help="Show, drop, rebuild and restore the state of reducers and orchestrators."
)
app.command()(drop)
app.command()(rebuild)
app.add_typer(checkpoints, name="checkpoint")


@app.command()
def show(
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    key: Annotated[str, typer.Argument(help="Key, e.g. the customer id.")],
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show the committed state and timers of a key. Exit code 1 when it has no state."""
    settings = load_settings(services)
    bus = open_bus(settings)
    reader = StateReader(
        bus, open_catalogue(settings, bus), resolve_node(find_node(node, settings), settings.topic_prefix)
    )
    state, timers = reader.get(key)
    due = {name: when(ms).isoformat() for name, ms in sorted(timers.items())}
    if as_json:
        print_json({"key": key, "state": state.model_dump(mode="json") if state else None, "timers": due})
    elif state is not None:
        for name, value in state.model_dump(mode="json").items():
            console.print(styled("[bold]{}[/]: {}", name, value))
        for name, at in due.items():
            console.print(styled("[dim]timer {}[/] due {}", name, at))
    if state is None:
        raise CommandError(f"{node} has no state of {key!r}")
