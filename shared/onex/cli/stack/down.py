"""``onex down``: stops what ``onex up`` started on this machine."""

import shutil
from typing import Annotated

import typer

from onex.cli.options import load_settings
from onex.cli.output import Exit, console, errors
from onex.cli.stack.stack_file import forget_dead_agents, read_stack, write_stack


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete all data, state and logs.")] = False,
) -> None:
    """Stop everything that `onex up` started. Agents drain first."""
    from onex.local import LocalPostgres
    from onex.local.process import stop, stop_all

    settings = load_settings()
    stack = read_stack(settings)
    late = stop_all([agent.identity for agent in stack.agents], settings.drain_timeout + 10)
    if stack.kafka:
        stop(*stack.kafka.identity, 20)
    if stack.postgres:
        LocalPostgres(settings.home / "postgres").stop()
    write_stack(settings, None)
    forget_dead_agents(settings)
    if wipe:
        shutil.rmtree(settings.home, ignore_errors=True)
    console.print(f"stopped {len(stack.agents)} agents{', Kafka' if stack.kafka else ''}")
    if late:
        errors.print(f"{len(late)} agents did not drain in time and were killed")
        raise typer.Exit(Exit.FAILED)
