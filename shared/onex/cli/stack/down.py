"""``onex down``: stops what ``onex up`` started on this machine."""

import shutil
from typing import Annotated

import typer

from onex.cli.options import load_settings
from onex.cli.output import Exit, console, errors
from onex.cli.stack.agent_files import remove_files_of_dead_agents
from onex.cli.stack.stack_file import read_stack, write_stack_file

_KAFKA_TIMEOUT = 20.0
_MORE_THAN_DRAINING = 10.0
"""Seconds that an agent has to end after its drain timeout."""


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete all data, state and logs.")] = False,
) -> None:
    """Stop everything that `onex up` started. Agents drain first."""
    from onex.local import LocalPostgres
    from onex.local.process import stop, stop_all

    settings = load_settings()
    stack = read_stack(settings)
    killed = stop_all([agent.identity for agent in stack.agents], settings.drain_timeout + _MORE_THAN_DRAINING)
    if stack.kafka:
        stop(*stack.kafka.identity, _KAFKA_TIMEOUT)
    if stack.postgres:
        LocalPostgres(settings.home / "postgres").stop()
    write_stack_file(settings, None)
    remove_files_of_dead_agents(settings)
    if wipe:
        shutil.rmtree(settings.home, ignore_errors=True)
    console.print(f"stopped {len(stack.agents)} agents{', Kafka' if stack.kafka else ''}")
    if killed:
        errors.print(f"{len(killed)} agents did not drain in time and were killed")
        raise typer.Exit(Exit.FAILED)
