"""``onex up``: a whole mesh on this machine.

The slowest step begins first. Kafka is started before the modules that only later steps need are imported. What all
agents import is imported once, meanwhile, by the process from which they are forked. Until all steps have worked,
each change is recorded with the action that undoes it: a start that fails or is interrupted leaves what ran before,
and nothing else.
"""

from contextlib import suppress
from typing import Annotated

import typer

from onex.cli.options import AllowUnfinished, Services, load_settings
from onex.cli.output import Exit, errors
from onex.cli.stack.agent_files import remove_files_of_dead_agents
from onex.cli.stack.agent_starter import AgentStarter
from onex.cli.stack.lock import stack_lock
from onex.cli.stack.start import StackStart
from onex.cli.stack.undo import Undo


def up(
    services: Services = None,
    agents: Annotated[bool, typer.Option(help="Start an agent for every node.")] = True,
    instances: Annotated[
        int | None,
        typer.Option("--instances", "-n", min=1, help="Processes for each node. Default: as many as before, or 1."),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Also replace agents that have not changed.")] = False,
    kafka_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Port of the local Kafka. Default: the previous port, or a free one."),
    ] = None,
    registry: Annotated[
        bool, typer.Option(envvar="ONEX_UP_REGISTRY", help="Also run the registry and health nodes of the mesh.")
    ] = True,
    allow_unfinished: AllowUnfinished = False,
) -> None:
    """Start Kafka and the agents, and PostgreSQL where a node needs it; provision topics and schemas.

    Run it again after changes: it replaces agents whose code, contract, settings or servers changed, and starts
    missing ones. When it fails or is interrupted, what ran before continues to run.

    KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL, when set, are used instead of local servers.
    """
    settings = load_settings(services)
    undo = Undo(lambda problem: errors.print(problem))
    try:
        with stack_lock(settings), undo, AgentStarter() as starter:
            start = StackStart(
                settings, undo, starter, with_registry=registry, allow_unfinished=allow_unfinished or not agents
            )
            start.servers(services, kafka_port, for_agents=agents)
            unready = start.agents(instances, restart) if agents else []
            undo.keep()
            remove_files_of_dead_agents(settings)
    except KeyboardInterrupt:
        state = (
            "the new agents run; `onex up` stops the old ones" if undo.kept else "what was started is stopped again"
        )
        with suppress(OSError):  # the terminal may be gone
            errors.print(f"interrupted: {state}")
        raise
    for agent, state in unready:
        errors.print(f"{agent.node} (process {agent.pid}) is not ready: {state}")
    if unready:
        raise typer.Exit(Exit.FAILED)
