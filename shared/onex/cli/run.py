"""``onex run``: runs agents of a node in the foreground."""

import sys
from typing import Annotated

import typer

from onex.agent.process.run_agent import run_agent
from onex.agent.process.supervisor import supervise
from onex.cli.node_lookup import find_node
from onex.cli.options import AllowUnfinished, Services, load_settings
from onex.contract import resolve_node
from onex.contract.unfinished import refuse_unfinished


def run(
    node: Annotated[str, typer.Argument(help="Name or path of a node.")],
    instances: Annotated[
        int | None,
        typer.Option(
            "--instances",
            "-n",
            min=1,
            help="Processes that share the partitions. A process that ends is restarted.",
        ),
    ] = None,
    allow_unfinished: AllowUnfinished = False,
    services: Services = None,
) -> None:
    """Run a node until SIGTERM or Ctrl-C. The agent drains before it ends."""
    settings = load_settings(services)
    settings.require_kafka()
    path = find_node(node, settings)
    if instances is None:
        raise typer.Exit(run_agent(path, settings, allow_unfinished=allow_unfinished))
    if not allow_unfinished:  # a child that refuses would be started again and again
        refuse_unfinished([resolve_node(path, settings.topic_prefix)])
    command = [sys.executable, "-m", "onex.cli.main", "run", str(path)]
    if allow_unfinished:
        command.append("--allow-unfinished")
    raise typer.Exit(supervise(command, instances, settings.drain_timeout + 10))
