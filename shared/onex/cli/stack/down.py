"""``onex down``: stops what ``onex up`` started on this machine."""

import shutil
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated

import typer

from onex.cli.options import load_settings
from onex.cli.output import Exit, console, errors
from onex.cli.stack.agent_files import remove_files_of_dead_agents
from onex.cli.stack.lock import stack_lock
from onex.cli.stack.stack_file import Stack, read_stack, write_stack_file
from onex.settings import Settings

_KAFKA_TIMEOUT = 20.0
_MORE_THAN_DRAINING = 10.0
"""Seconds that an agent has to end after its drain timeout."""


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete all data, state and logs.")] = False,
) -> None:
    """Stop everything that `onex up` started. Agents drain first."""
    settings = load_settings()
    with stack_lock(settings) if settings.home.exists() else nullcontext():
        stack, killed = _stop(settings)
        if wipe:
            shutil.rmtree(settings.home, ignore_errors=True)
    servers = [*(["Kafka"] if stack.kafka else []), *(["PostgreSQL"] if stack.postgres else [])]
    console.print("stopped " + ", ".join([f"{len(stack.agents)} agents", *servers]))
    if killed:
        errors.print(f"{len(killed)} agents did not drain in time and were killed")
        raise typer.Exit(Exit.FAILED)


def kill_stack(settings: Settings) -> None:
    """Kill all agents and Kafka, and stop PostgreSQL, without waiting for agents that drain."""
    from onex.local.process import stop_all

    stack = read_stack(settings)
    processes = [*stack.agents, *([stack.kafka] if stack.kafka else [])]
    stop_all([process.identity for process in processes], 0.0, signal.SIGKILL)
    _stop(settings)


def _stop(settings: Settings) -> tuple[Stack, Sequence[int]]:
    """Stop all processes. Return what ran, and the agents that had to be killed."""
    from onex.local import LocalPostgres
    from onex.local.process import stop, stop_all

    stack = read_stack(settings)
    killed = stop_all([agent.identity for agent in stack.agents], settings.drain_timeout + _MORE_THAN_DRAINING)
    if stack.kafka:
        stop(*stack.kafka.identity, _KAFKA_TIMEOUT)
    if stack.postgres:
        LocalPostgres(settings.home / "postgres").stop()
    write_stack_file(settings, None)
    remove_files_of_dead_agents(settings)
    return stack, killed
