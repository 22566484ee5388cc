"""``onex run``: agents of a node in the foreground."""

import sys
from typing import Annotated

import typer

from onex.agent.native import run_agent
from onex.agent.native.supervisor import supervise
from onex.cli.nodes import find_node
from onex.cli.options import Services, load_settings


def run(
    node: Annotated[str, typer.Argument(help="Name or path of a node.")],
    instances: Annotated[
        int | None,
        typer.Option(
            "--instances", "-n", min=1, help="Processes that share the partitions, restarted when they end."
        ),
    ] = None,
    services: Services = None,
) -> None:
    """Run a node until SIGTERM or Ctrl-C; drains first. With --instances, restarts processes that die."""
    settings = load_settings(services)
    path = find_node(node, settings)
    if instances is None:
        raise typer.Exit(run_agent(path, settings))
    command = [sys.executable, "-m", "onex.cli.main", "run", str(path)]
    raise typer.Exit(supervise(command, instances, settings.drain_timeout + 10))
